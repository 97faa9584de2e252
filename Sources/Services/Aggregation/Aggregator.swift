// A learner's side of an aggregation.

internal import Wire

/// What a learner sends of its training, and what published weights make of its local weights.
///
/// An aggregator knows values only. `MemberMachine` knows whose a change is and whether it has
/// arrived.
protocol Aggregator {
  /// What the learner sends.
  var shares: SharedTraining { get }

  /// The published values that the local weights are based on; empty before the first publication.
  var reference: [Float] { get }

  /// The local weights replace published ones that diverged, instead of following them.
  var isRestoring: Bool { get }

  /// Begins to restore; the caller has set the local weights.
  mutating func beginRestoring()

  /// Encodes what training made of the local weights since `reference`.
  /// - Parameter head: the delta without values: whose it is, and its sequence.
  mutating func push(_ local: UnsafeBufferPointer<Float>, as head: Delta, into frame: FrameWriter)

  /// Bases the local weights on published values, float32 each.
  /// - Parameter isMerged: the publication is the first that holds the last delta pushed.
  mutating func rebase(
    _ local: UnsafeMutableBufferPointer<Float>, on published: UnsafeRawBufferPointer, isMerged: Bool)
}

/// What a learner sends of its training.
enum SharedTraining {
  /// It applies its gradients itself, and sends what they made of its weights. It never waits.
  case deltas
  /// It sends each gradient, and computes the next on the weights of the answer.
  case gradients
}
