// Owned columns of a batch, for tests.

import Algorithms
import Foundations
import Numerics

struct TransitionColumns {
  var observation: [UInt8]
  var nextObservation: [UInt8]
  var action: [Int32]
  var reward: [Float]
  var discount: [Float]
  var weight: [Float]?

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
    observation = fixture.observation("observation", isImage: isImage)
    nextObservation = fixture.observation("next", isImage: isImage)
    action = fixture["action"].map { Int32($0) }
    reward = fixture["reward"]
    discount = fixture["discount"]
    weight = isWeighted ? fixture["weight"] : nil
  }

  /// Calls `body` with views of the columns.
  func withBatch<Result>(_ body: (TransitionBatch) throws -> Result) rethrows -> Result {
    try observation.withUnsafeBytes { observation in
      try nextObservation.withUnsafeBytes { nextObservation in
        try action.withUnsafeBufferPointer { action in
          try reward.withUnsafeBufferPointer { reward in
            try discount.withUnsafeBufferPointer { discount in
              try (weight ?? []).withUnsafeBufferPointer { weights in
                try body(
                  TransitionBatch(
                    count: action.count, observation: observation.baseAddress!, action: action.baseAddress!,
                    reward: reward.baseAddress!, discount: discount.baseAddress!,
                    nextObservation: nextObservation.baseAddress!,
                    importanceWeights: weight == nil ? nil : weights.baseAddress))
              }
            }
          }
        }
      }
    }
  }

  /// One training step; the outcome and |δ|.
  func train(_ learner: DQNLearner) throws -> (outcome: TrainingOutcome, errors: [Float]) {
    var errors = [Float](repeating: -1, count: action.count)
    let outcome = try withBatch { batch in
      try errors.withUnsafeMutableBufferPointer { try learner.train(batch, errors: $0) }
    }
    return (outcome, errors)
  }
}

/// What a function writes into a flat vector.
func written(_ count: Int, _ body: (UnsafeMutableBufferPointer<Float>) -> Void) -> [Float] {
  var values = [Float](repeating: .nan, count: count)
  values.withUnsafeMutableBufferPointer { body($0) }
  return values
}

extension DQNLearner {
  var parameters: [Float] { written(parameterCount) { exportParameters(to: $0) } }
  var targetParameters: [Float] { written(parameterCount) { exportTarget(to: $0) } }

  convenience init(seed: UInt64, spec: NetworkSpec, configuration: DQNConfiguration, batchMax: Int) throws {
    try self.init(spec: spec, configuration: configuration, batchMax: batchMax)
    var generator = SeededGenerator(seed: seed)
    initialize(using: &generator)
  }
}
