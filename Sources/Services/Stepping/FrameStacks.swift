// What a policy sees of environments whose observations are stacked.

internal import Environments
internal import Experience

/// The last k observations of each environment's episode, oldest first, the episode's first one repeated where there are fewer:
/// the stacks that the replay makes of single frames, made here for acting. `[count, k] + observation shape`.
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

  /// Takes the current row of a batch, once for each row; returns the stacks, which stay until the next call.
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
        // The two overlap: a move.
        stack.copyMemory(from: stack + frameBytes, byteCount: stackBytes - frameBytes)
      }
      (stack + (frames - 1) * frameBytes).copyMemory(from: frame, byteCount: frameBytes)
    }
  }
}
