// Owned columns of a batch, for tests.

import Algorithms
import Experience
import Foundations
import Numerics

struct TransitionColumns {
  var observation: [UInt8]
  var nextObservation: [UInt8]
  var action: [Int32]
  var reward: [Float]
  var discount: [Float]
  var weight: [Float]?
  /// Observations are uint8.
  var isBytes = false

  /// A seeded batch of float32 observations.
  init(inputs: Int, actions: Int, count: Int, seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    func floats(_ count: Int) -> [Float] { (0..<count).map { _ in generator.uniformFloat() * 2 - 1 } }
    observation = floats(count * inputs).withUnsafeBytes { Array($0) }
    nextObservation = floats(count * inputs).withUnsafeBytes { Array($0) }
    reward = floats(count)
    action = (0..<count).map { _ in Int32(generator.below(actions)) }
    discount = (0..<count).map { $0 % 4 == 3 ? 0 : 0.9 }
  }

  init(_ fixture: Fixture, isImage: Bool, isWeighted: Bool) {
    isBytes = isImage
    observation = fixture.observation("observation", isImage: isImage)
    nextObservation = fixture.observation("next", isImage: isImage)
    action = fixture["action"].map { Int32($0) }
    reward = fixture["reward"]
    discount = fixture["discount"]
    weight = isWeighted ? fixture["weight"] : nil
  }

  /// The columns by name; `body` may not keep the batch.
  func withBatch<Result>(_ body: (ColumnBatch) throws -> Result) rethrows -> Result {
    let count = action.count
    let owned = [
      observation, action.withUnsafeBytes { Array($0) }, reward.withUnsafeBytes { Array($0) },
      discount.withUnsafeBytes { Array($0) }, nextObservation,
    ].map { bytes in
      let column = UnsafeMutableRawPointer.allocate(byteCount: max(64, bytes.count), alignment: 64)
      bytes.withUnsafeBytes { column.copyMemory(from: $0.baseAddress!, byteCount: bytes.count) }
      return column
    }
    defer { for column in owned { column.deallocate() } }
    let elements = observation.count / count / (isBytes ? 1 : 4)
    let dtype: DType = isBytes ? .uint8 : .float32
    let fields = [
      Field(StepSchema.observation, dtype, shape: [elements]), Field(StepSchema.action, .int32),
      Field(StepSchema.reward, .float32), Field(TableSchema.discount, .float32),
      Field(TableSchema.nextObservation, dtype, shape: [elements]),
    ]
    return try (weight ?? []).withUnsafeBufferPointer { weights in
      try body(
        ColumnBatch(
          fields: fields, columns: owned, count: count,
          importanceWeights: weight == nil ? nil : weights.baseAddress))
    }
  }

  /// Makes one update; returns the outcome and the priorities.
  func train(_ rule: DQNRule) throws -> (outcome: TrainingOutcome, priorities: [Float]) {
    var priorities = [Float](repeating: -1, count: action.count)
    let outcome = try withBatch { batch in
      try priorities.withUnsafeMutableBufferPointer { try rule.train(batch, priorities: $0) }
    }
    return (outcome, priorities)
  }
}

/// The flat vector that a function writes.
func written(_ count: Int, _ body: (UnsafeMutableBufferPointer<Float>) -> Void) -> [Float] {
  var values = [Float](repeating: .nan, count: count)
  values.withUnsafeMutableBufferPointer { body($0) }
  return values
}

extension DQNRule {
  var values: [Float] { parameters() }
  var targetParameters: [Float] { state.vectors["target"]! }
  var optimizerStep: Int { state.counters["adam_step"]! }
  var loss: Float { metrics[0] }
  var gradientNorm: Float { metrics[1] }

  convenience init(seed: UInt64, spec: NetworkSpec, configuration: DQNConfiguration, batchMax: Int) throws {
    try self.init(spec: spec, configuration: configuration, batchMax: batchMax)
    var generator = SeededGenerator(seed: seed)
    initialize(using: &generator)
  }
}

extension DQNConfiguration {
  /// With Adam.
  init(
    learningRate: Schedule, gradientClip: Float? = 10, huberDelta: Float = 1,
    target: Target = .hard(everyUpdates: 100)
  ) {
    self.init(
      descent: GradientDescent(.adam(Adam()), learningRate: learningRate, clip: gradientClip),
      huberDelta: huberDelta, target: target)
  }
}
