// A half of an actor's environments, which act together.

internal import Algorithms
internal import Environments
internal import Experience

/// A batch, its range among the actor's environments, and the policy's last outputs for it.
final class ActingHalf {
  enum State {
    /// No episodes have begun.
    case none
    /// A row waits for its action.
    case current
    /// The step of the last action is under way; its reward is not known yet.
    case stepping
  }

  let batch: any EnvironmentBatch
  let range: Range<Int>
  private(set) var epsilons: [Float]
  var state = State.none
  /// Whether the buffer's unfinished row has this half's part.
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

  /// Replaces ε of each environment.
  /// - Parameter all: of all the actor's environments.
  func explore(_ all: [Float]) {
    for index in epsilons.indices { epsilons[index] = all[range.lowerBound + index] }
  }

  /// The policy's input for the current row, with its frame stack. Call it once for each row.
  func observe() -> UnsafeRawPointer { stacks.push(batch) }
}
