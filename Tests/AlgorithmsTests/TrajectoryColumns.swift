// Owned columns of a batch of trajectories, for tests.

import Algorithms
import Experience
import Foundations
import Numerics

struct TrajectoryColumns {
  var steps: Int
  var contextSteps = 0
  var observation: [Float]
  var action: [Int32]
  var reward: [Float]
  var flags: [UInt8]
  var logProbability: [Float]
  var weight: [Float]?

  var rows: Int { contextSteps + steps + 1 }
  var count: Int { reward.count / rows }

  /// The batch of python/fixtures/make_trajectories.py.
  init(_ fixture: Fixture) {
    steps = 7
    observation = fixture["observation"]
    action = fixture["action"].map { Int32($0) }
    reward = fixture["reward"]
    flags = fixture["flags"].map { UInt8($0) }
    logProbability = fixture["log_probability"]
    weight = fixture["weights"]
  }

  /// Some of the trajectories.
  subscript(_ range: Range<Int>) -> TrajectoryColumns {
    var part = self
    let inputs = observation.count / reward.count
    let own = range.lowerBound * rows..<range.upperBound * rows
    part.observation = Array(observation[own.lowerBound * inputs..<own.upperBound * inputs])
    (part.action, part.reward) = (Array(action[own]), Array(reward[own]))
    (part.flags, part.logProbability) = (Array(flags[own]), Array(logProbability[own]))
    part.weight = weight.map { Array($0[range]) }
    return part
  }

  /// The same with rows before each trajectory that hold anything.
  func withContext(_ context: Int) -> TrajectoryColumns {
    var wide = self
    let inputs = observation.count / reward.count
    func widened<Element>(_ column: [Element], _ width: Int, _ element: Element) -> [Element] {
      var wide: [Element] = []
      for index in 0..<count {
        wide += Array(repeating: element, count: context * width)
        wide += column[index * rows * width..<(index + 1) * rows * width]
      }
      return wide
    }
    wide.observation = widened(observation, inputs, 3)
    (wide.action, wide.reward) = (widened(action, 1, -4), widened(reward, 1, .nan))
    (wide.flags, wide.logProbability) = (widened(flags, 1, 0), widened(logProbability, 1, .nan))
    wide.contextSteps += context
    return wide
  }

  /// The columns by name; `body` may not keep the batch.
  func withBatch<Result>(_ body: (ColumnBatch) throws -> Result) rethrows -> Result {
    let owned = [
      observation.withUnsafeBytes { Array($0) }, action.withUnsafeBytes { Array($0) },
      reward.withUnsafeBytes { Array($0) }, flags, logProbability.withUnsafeBytes { Array($0) },
    ].map { bytes in
      let column = UnsafeMutableRawPointer.allocate(byteCount: max(64, bytes.count), alignment: 64)
      bytes.withUnsafeBytes { column.copyMemory(from: $0.baseAddress!, byteCount: bytes.count) }
      return column
    }
    defer { for column in owned { column.deallocate() } }
    let fields = [
      Field(StepSchema.observation, .float32, shape: [rows, observation.count / reward.count]),
      Field(StepSchema.action, .int32, shape: [rows]), Field(StepSchema.reward, .float32, shape: [rows]),
      Field(TableSchema.flags, .uint8, shape: [rows]),
      Field(StochasticPolicy.logProbability.name, .float32, shape: [rows]),
    ]
    return try (weight ?? []).withUnsafeBufferPointer { weights in
      try body(
        ColumnBatch(
          fields: fields, columns: owned, count: count,
          importanceWeights: weight == nil ? nil : weights.baseAddress))
    }
  }

  /// Computes a rule's gradients; returns the outcome and the priorities.
  func differentiate(
    _ rule: some LearningRule
  ) throws -> (outcome: TrainingOutcome, priorities: [Float]) {
    var priorities = [Float](repeating: -1, count: count)
    let outcome = try withBatch { batch in
      try priorities.withUnsafeMutableBufferPointer { try rule.computeGradients(batch, priorities: $0) }
    }
    return (outcome, priorities)
  }
}

/// The network of python/fixtures/make_trajectories.py.
let trajectoryNetwork = PolicyNetwork(
  trunk: .mlp(inputs: 5, hidden: [9], outputs: 1, dueling: false),
  distribution: .categorical(Categorical(count: 3)))

/// Its settings.
let trajectorySettings = TrajectorySettings(
  steps: 7, discount: 0.9, valueCost: 0.7, entropyCost: 0.03,
  descent: GradientDescent(.sgd(SGD()), learningRate: 0.1, clip: 0.5))
