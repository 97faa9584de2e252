// A batch of transitions as a learner reads it.

/// Views of the columns of a sampled batch, row by row; whoever makes it keeps the memory alive for the call.
public struct TransitionBatch {
  /// Rows.
  public var count: Int
  /// `[count] + inputShape`, of the network's input type; float32 on a 4-byte boundary.
  public var observation: UnsafeRawPointer
  /// `[count]`, 0 ..< actions.
  public var action: UnsafePointer<Int32>
  /// `[count]`, the n-step return Σ γᵏ·r.
  public var reward: UnsafePointer<Float>
  /// `[count]`, γⁿ·(1 − terminal): the weight of the bootstrap value.
  public var discount: UnsafePointer<Float>
  /// The observation n steps later; anything where the discount is 0.
  public var nextObservation: UnsafeRawPointer
  /// `[count]`, or nil for 1 everywhere.
  public var importanceWeights: UnsafePointer<Float>?

  public init(
    count: Int, observation: UnsafeRawPointer, action: UnsafePointer<Int32>, reward: UnsafePointer<Float>,
    discount: UnsafePointer<Float>, nextObservation: UnsafeRawPointer,
    importanceWeights: UnsafePointer<Float>? = nil
  ) {
    self.count = count
    self.observation = observation
    self.action = action
    self.reward = reward
    self.discount = discount
    self.nextObservation = nextObservation
    self.importanceWeights = importanceWeights
  }
}

/// What a training step measured, before its update.
public struct TrainingResult: Sendable, Hashable {
  /// The batch's mean of w·huber(δ).
  public var loss: Float
  /// The global norm of the gradient, before clipping.
  public var gradientNorm: Float
  /// Mean over the batch of Q(s, a) of the actions taken.
  public var meanQ: Float
}

public enum TrainingOutcome: Sendable, Hashable {
  case trained(TrainingResult)
  /// The loss or the gradient was infinite or not a number; parameters and optimizer are as before.
  case notFinite
}

/// A batch that cannot be trained on.
public enum TransitionBatchError: Error, Hashable, CustomStringConvertible {
  case count(Int, batchMax: Int)
  case action(Int32, row: Int, actions: Int)
  case errorBuffer(Int, rows: Int)

  public var description: String {
    switch self {
    case .count(let count, let batchMax): "batch: expected 1 to \(batchMax) rows, found \(count)"
    case .action(let action, let row, let actions):
      "action of row \(row): expected 0 to \(actions - 1), found \(action)"
    case .errorBuffer(let count, let rows): "TD errors: expected room for \(rows), found \(count)"
    }
  }
}
