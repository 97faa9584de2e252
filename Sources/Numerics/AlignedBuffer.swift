// Aligned memory for vector loops.

/// A block of float32 on a 64-byte boundary, zero at first. The end is padded, because products may
/// read (and ignore) up to 64 floats after a row's end.
final class AlignedBuffer {
  let base: UnsafeMutablePointer<Float>
  let count: Int

  init(count: Int) {
    let padded = count + 64
    let raw = UnsafeMutableRawPointer.allocate(byteCount: padded * MemoryLayout<Float>.stride, alignment: 64)
    self.count = count
    base = raw.bindMemory(to: Float.self, capacity: padded)
    base.initialize(repeating: 0, count: padded)
  }

  deinit { UnsafeMutableRawPointer(base).deallocate() }

  var values: UnsafeMutableBufferPointer<Float> { UnsafeMutableBufferPointer(start: base, count: count) }
}

/// Allocates blocks from one buffer. The same code runs twice: first it counts the floats that it
/// needs, then it gets the blocks.
struct Arena {
  private var buffer: AlignedBuffer?
  private(set) var count = 0

  /// Only counts; `allocate` returns nil.
  init() {}

  init(_ buffer: AlignedBuffer) { self.buffer = buffer }

  /// The next `size` floats, on a 64-byte boundary, with a tail of 64 floats.
  mutating func allocate(_ size: Int) -> UnsafeMutablePointer<Float>? {
    let start = count
    count += (size + 15) / 16 * 16 + 64
    return buffer.map { $0.base + start }
  }
}
