// Stacks observations for a policy.

internal import Environments
internal import Experience

/// The last k observations of each environment's episode, oldest first: `[count, k] +
/// observationShape`. At an episode's start, its first observation fills the stack. The replay
/// makes the same stacks of single frames for learners.
final class FrameStacks {
  let count: Int
  private let frames: Int
  private let frameBytes: Int
  private let memory: UnsafeMutableRawPointer

  init(count: Int, frames: Int, frameBytes: Int) {
    self.count = count
    self.frames = frames
    self.frameBytes = frameBytes
    memory = .allocate(byteCount: max(1, count * frames * frameBytes), alignment: 64)
  }

  deinit { memory.deallocate() }

  /// Adds the current row of a batch and returns the stacks, valid until the next call. Call it
  /// once for each row.
  func push(_ batch: any EnvironmentBatch) -> UnsafeRawPointer {
    if frames == 1 { return batch.observations }
    push(observations: batch.observations, flags: batch.flags)
    return UnsafeRawPointer(memory)
  }

  private func push(observations: UnsafeRawPointer, flags: UnsafePointer<UInt8>) {
    let stackBytes = frames * frameBytes
    for index in 0..<count {
      let stack = memory + index * stackBytes
      let frame = observations + index * frameBytes
      if StepFlags(rawValue: flags[index]).contains(.isFirst) {
        for plane in 0..<frames - 1 {
          (stack + plane * frameBytes).copyMemory(from: frame, byteCount: frameBytes)
        }
      } else {
        // Source and destination overlap; `copyMemory` allows that.
        stack.copyMemory(from: stack + frameBytes, byteCount: stackBytes - frameBytes)
      }
      (stack + (frames - 1) * frameBytes).copyMemory(from: frame, byteCount: frameBytes)
    }
  }
}
