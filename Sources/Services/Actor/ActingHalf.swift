// Environments that act together.

internal import Algorithms
internal import Environments
internal import Experience

/// A batch, its place among the actor's environments, and what the policy last said about it.
final class ActingHalf {
  enum State {
    /// It has no row: episodes have yet to begin.
    case none
    /// A row is there to act on.
    case current
    /// The row acted on last has a step under way, whose reward is not known yet.
    case stepping
  }

  let batch: any EnvironmentBatch
  let range: Range<Int>
  let epsilons: [Float]
  var state = State.none
  /// Whether its row is in the buffer's unfinished row.
  var hasActed = false
  let rows: PolicyRows
  private let stacks: FrameStacks

  init(
    _ batch: any EnvironmentBatch, first: Int, epsilons: [Float], frameStack: Int, recording fields: [Field]
  ) {
    self.batch = batch
    stacks = FrameStacks(
      count: batch.count, frames: frameStack, frameBytes: batch.spec.observationByteCount)
    range = first..<first + batch.count
    self.epsilons = Array(epsilons[range])
    rows = PolicyRows(count: batch.count, actions: batch.spec.actions, recording: fields)
  }
  /// What the policy sees of the current row; to be asked once a row.
  func observe() -> UnsafeRawPointer { stacks.push(batch) }
}
