// A learner's side of an aggregation.

internal import Wire

/// What a learner gives of its training, and what published weights make of those it trains on.
///
/// It knows values only. Which delta is whose, and whether it has arrived, `MemberMachine` knows.
protocol Aggregator {
  /// The published values that the learner stands on; empty before the first publication.
  var reference: [Float] { get }

  /// What is published is replaced by the local weights, not moved: it comes from a divergence.
  var isRestoring: Bool { get }

  /// Begins that, with local weights that the caller has set.
  mutating func beginRestoring()

  /// Writes what training has made of the local weights.
  /// - Parameter head: whose delta it is, and which; without values.
  mutating func push(_ local: UnsafeBufferPointer<Float>, as head: Delta, into frame: FrameWriter)

  /// Stands on published values, float32 each.
  /// - Parameter isMerged: they hold what was pushed last, and now for the first time.
  mutating func rebase(
    _ local: UnsafeMutableBufferPointer<Float>, on published: UnsafeRawBufferPointer, isMerged: Bool)
}
