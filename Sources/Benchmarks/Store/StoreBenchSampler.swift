// The requests of the store benchmark.

internal import ReplayStore
internal import Experience
internal import Foundations

/// Samples batches into buffers that it uses again.
struct StoreBenchSampler: ~Copyable {
  let store: ReplayStore
  let batch: Int
  var generator = SeededGenerator(seed: 1)
  var draw = Draw()
  let buffers: [UnsafeMutableRawBufferPointer]
  var priorities: [Float]
  /// Random live keys.
  var keys: [UInt64]
  private var offset = 0

  init(store: ReplayStore, batch: Int) throws {
    self.store = store
    self.batch = batch
    buffers = try store.batchFields(0).map {
      UnsafeMutableRawBufferPointer.allocate(byteCount: $0.byteCount * batch, alignment: 64)
    }
    priorities = (0..<batch * 64).map { Float($0 % 97) / 97 }
    let statistics = store.statistics
    var generator = SeededGenerator(seed: 2)
    keys = (0..<batch * 64).map { _ in statistics.tail + UInt64(generator.below(statistics.steps)) }
  }

  deinit { for buffer in buffers { buffer.deallocate() } }

  mutating func drawOnly() throws {
    try store.sample(table: 0, count: batch, generator: &generator, into: &draw)
  }

  mutating func sample() throws {
    try drawOnly()
    try store.gather(draw, table: 0, into: buffers)
  }

  mutating func sampleAndUpdate() throws {
    try sample()
    try draw.keys.withUnsafeBytes { keys in
      try priorities.withUnsafeBytes { priorities in
        _ = try store.updatePriorities(
          table: 0, keys: keys, priorities: UnsafeRawBufferPointer(rebasing: priorities[..<(batch * 4)]))
      }
    }
  }

  mutating func update() throws {
    offset = (offset + batch) % keys.count
    try keys.withUnsafeBytes { keys in
      try priorities.withUnsafeBytes { priorities in
        _ = try store.updatePriorities(
          table: 0, keys: UnsafeRawBufferPointer(rebasing: keys[offset * 8..<(offset + batch) * 8]),
          priorities: UnsafeRawBufferPointer(rebasing: priorities[offset * 4..<(offset + batch) * 4]))
      }
    }
  }
}
