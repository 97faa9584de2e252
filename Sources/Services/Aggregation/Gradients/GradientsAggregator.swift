// A learner's side of shared gradients.

internal import Wire

/// Sends the gradient of each batch, and computes the next on the weights of the answer, which hold
/// it. It trains nothing itself, so published weights replace the local ones.
///
/// After a divergence it restores weights by deltas, as averaging does.
struct GradientsAggregator: Aggregator {
  let shares = SharedTraining.gradients
  private var restoration = AveragingAggregator()

  var reference: [Float] { restoration.reference }
  var isRestoring: Bool { restoration.isRestoring }

  mutating func beginRestoring() { restoration.beginRestoring() }

  mutating func push(_ local: UnsafeBufferPointer<Float>, as head: Delta, into frame: FrameWriter) {
    restoration.push(local, as: head, into: frame)
  }

  mutating func rebase(
    _ local: UnsafeMutableBufferPointer<Float>, on published: UnsafeRawBufferPointer, isMerged: Bool
  ) {
    // Without a past it copies the values bit for bit.
    if !isRestoring { restoration = AveragingAggregator() }
    restoration.rebase(local, on: published, isMerged: isMerged)
  }
}
