// How fast the store is by itself.

internal import Experience
internal import Foundations

/// Measures a store on this machine: one thread, 2²⁰ steps of 36 bytes, prioritized 1-step transitions, after the ring
/// has wrapped once.
public enum ReplayStoreBenchmark {
  /// Name and operations a second of each measurement; takes about 4 seconds.
  public static func run() -> [(name: String, perSecond: Double)] {
    do {
      return try measure()
    } catch {
      preconditionFailure("the benchmark's own messages are refused: \(error)")
    }
  }

  private static let capacity = 1 << 20
  private static let batch = 512
  /// Long enough to average over the noise of a shared machine.
  private static let duration = Instant.Span.seconds(0.6)

  private static func measure() throws -> [(name: String, perSecond: Double)] {
    var results: [(name: String, perSecond: Double)] = []
    let store = try filledStore()
    for steps in [50, 1000] {
      let message = BenchmarkMessage(steps: steps)
      var writer = BenchmarkWriter(message: message, writer: steps)
      let rate = try repeated { try writer.send(to: store) }
      results.append(("insert 36 B, \(steps) a message: steps", rate * Double(steps)))
    }
    var sampler = try BenchmarkSampler(store: store, batch: batch)
    results.append(("sample \(batch): batches", try repeated { try sampler.sample() }))
    results.append(("draw without gather: draws", try repeated { try sampler.drawOnly() } * Double(batch)))
    results.append(
      ("sample \(batch) and write priorities back: batches", try repeated { try sampler.sampleAndUpdate() }))
    results.append(
      ("priority updates, \(batch) random keys: keys", try repeated { try sampler.update() } * Double(batch)))
    return results
  }

  private static func filledStore() throws -> ReplayStore {
    let table = TableConfiguration(
      schema: TableSchema(name: "replay", kind: .transition(nStep: 1, discount: 0.99)),
      sampler: .prioritized(exponent: 0.6))
    let store = try ReplayStore(configuration: ReplayStoreConfiguration(capacity: capacity, tables: [table]))
    try store.adopt(schema: BenchmarkMessage.schema)
    var writer = BenchmarkWriter(message: BenchmarkMessage(steps: 1000), writer: 0)
    while store.statistics.tail == 0 { try writer.send(to: store) }
    return store
  }

  /// Calls a second.
  private static func repeated(_ body: () throws -> Void) rethrows -> Double {
    var calls = 0
    let start = SystemClock.now()
    while true {
      for _ in 0..<16 { try body() }
      calls += 16
      let elapsed = SystemClock.now() - start
      if elapsed > duration { return Double(calls) / elapsed.seconds }
    }
  }
}

/// The memory of one insert message: a chunk of steps without an episode's end, and an item for each but the newest.
private final class BenchmarkMessage {
  static let schema = StepSchema.discrete(observation: [7])
  let steps: Int
  private let memory: UnsafeMutableRawBufferPointer

  init(steps: Int) {
    self.steps = steps
    // 28 + 4 + 4 bytes of fields, 1 of flags; 4 + 8 + 4 of items.
    memory = .allocate(byteCount: steps * 64, alignment: 64)
    memory.initializeMemory(as: UInt8.self, repeating: 0)
    for index in 0..<steps { column(5, 4)[index * 4] = 2 }
  }

  deinit { memory.deallocate() }

  private static let offsets = [0, 28, 32, 36, 40, 44, 48]

  private func column(_ number: Int, _ width: Int) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(
      rebasing: memory[Self.offsets[number] * steps..<(Self.offsets[number] + width) * steps])
  }

  /// The message whose first step has an index in its stream; items start one step before, where there is one.
  func fill(_ insertion: inout Insertion, firstIndex: UInt64) {
    insertion.removeAll()
    insertion.chunks.append(
      ChunkHeader(stream: 0, firstIndex: firstIndex, count: steps, weightsVersion: firstIndex))
    for (number, width) in [28, 4, 4, 1].enumerated() {
      insertion.columns.append(UnsafeRawBufferPointer(column(number, width)))
    }
    let skipped = firstIndex == 0 ? 1 : 0
    let indices = UnsafeMutableRawBufferPointer(rebasing: memory[48 * steps..<56 * steps])
    for item in skipped..<steps {
      indices.storeBytes(of: firstIndex &+ UInt64(item) &- 1, toByteOffset: item * 8, as: UInt64.self)
    }
    insertion.items.append(
      ItemBlock(
        table: 0, count: steps - skipped,
        streams: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(column(4, 4))[(skipped * 4)...]),
        firstIndices: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(indices)[(skipped * 8)...]),
        spans: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(column(5, 4))[(skipped * 4)...]),
        priorities: nil))
  }
}

/// Sends a message again and again, as the next steps of its stream.
private struct BenchmarkWriter {
  let message: BenchmarkMessage
  let writer: Int
  var next: UInt64 = 0
  var insertion = Insertion(columnsPerChunk: BenchmarkMessage.schema.columnCount)

  init(message: BenchmarkMessage, writer: Int) {
    self.message = message
    self.writer = writer
  }

  mutating func send(to store: ReplayStore) throws {
    message.fill(&insertion, firstIndex: next)
    _ = try store.insert(insertion, writer: writer)
    next += UInt64(message.steps)
  }
}

/// Draws batches into recycled buffers.
private struct BenchmarkSampler: ~Copyable {
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
