// Insert messages made by hand.

import Experience
import ReplayStore

/// Builds an insertion and owns its memory. Steps of the test schema have their stream and index in
/// `observation`.
final class Message {
  static let schema = StepSchema(fields: [
    Field("observation", .float32, shape: [2]), Field("action", .int32), Field("reward", .float32),
    Field("picture", .uint8, shape: [600]),
  ])

  struct ChunkSpec {
    var stream: UInt32
    var first: UInt64
    var flags: [UInt8]
    var rewards: [Float]
    var version: UInt64
    var isCut: Bool
  }
  struct ItemSpec {
    var table: Int
    var stream: UInt32
    var first: UInt64
    var span: UInt32
    var priority: Float?
  }

  private(set) var chunks: [ChunkSpec] = []
  private(set) var items: [ItemSpec] = []
  private var memory: [UnsafeMutableRawBufferPointer] = []

  init() {}
  deinit { for buffer in memory { buffer.deallocate() } }

  /// The reward of a step, unless another is given.
  static func reward(_ stream: UInt32, _ index: UInt64) -> Float {
    Float((index &* 7 &+ UInt64(stream)) % 11) - 4
  }

  @discardableResult
  func chunk(
    _ stream: UInt32, _ first: UInt64, flags: [UInt8], rewards: [Float]? = nil, version: UInt64 = 0,
    cut: Bool = false
  ) -> Message {
    let rewards = rewards ?? flags.indices.map { Self.reward(stream, first &+ UInt64($0)) }
    chunks.append(
      ChunkSpec(stream: stream, first: first, flags: flags, rewards: rewards, version: version, isCut: cut))
    return self
  }

  @discardableResult
  func item(_ stream: UInt32, _ first: UInt64, _ span: UInt32, _ priority: Float? = nil, table: Int = 0)
    -> Message
  {
    items.append(ItemSpec(table: table, stream: stream, first: first, span: span, priority: priority))
    return self
  }

  /// The insertion. Its columns start at odd addresses, because nothing promises alignment.
  func insertion() -> Insertion {
    var insertion = Insertion(columnsPerChunk: Self.schema.columnCount)
    for chunk in chunks {
      let indices = chunk.flags.indices.map { chunk.first &+ UInt64($0) }
      insertion.chunks.append(
        ChunkHeader(
          stream: chunk.stream, firstIndex: chunk.first, count: chunk.flags.count,
          weightsVersion: chunk.version,
          isCut: chunk.isCut))
      insertion.columns.append(column(indices.flatMap { [Float(chunk.stream), Float($0)] }))
      insertion.columns.append(column(indices.map { Int32(truncatingIfNeeded: $0) }))
      insertion.columns.append(column(chunk.rewards))
      insertion.columns.append(
        column(indices.flatMap { [UInt8](repeating: UInt8(truncatingIfNeeded: $0), count: 600) }))
      insertion.columns.append(column(chunk.flags))
    }
    for item in items {
      insertion.items.append(
        ItemBlock(
          table: item.table, count: 1, streams: column([item.stream]), firstIndices: column([item.first]),
          spans: column([item.span]), priorities: item.priority.map { column([$0]) }))
    }
    return insertion
  }

  private func column<T: BitwiseCopyable>(_ values: [T]) -> UnsafeRawBufferPointer {
    let bytes = values.count * MemoryLayout<T>.stride
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes + 1, alignment: 16)
    memory.append(buffer)
    let odd = UnsafeMutableRawBufferPointer(rebasing: buffer[1...])
    values.withUnsafeBytes { odd.copyMemory(from: $0) }
    return UnsafeRawBufferPointer(odd)
  }
}

/// A store of the test schema.
func makeStore(capacity: Int, _ tables: TableConfiguration...) throws -> ReplayStore {
  let store = try ReplayStore(configuration: ReplayStoreConfiguration(capacity: capacity, tables: tables))
  try store.adopt(schema: Message.schema)
  return store
}

func transitionTable(
  _ nStep: Int, _ sampler: SelectorKind = .uniform, name: String = "replay", discount: Float = 0.5,
  remover: SelectorKind = .fifo, itemsMax: Int? = nil, timesSampledMax: Int = 0
) -> TableConfiguration {
  TableConfiguration(
    schema: TableSchema(name: name, kind: .transition(nStep: nStep, discount: discount)), sampler: sampler,
    remover: remover, itemsMax: itemsMax, timesSampledMax: timesSampledMax)
}

/// A batch's columns, as arrays.
struct Batch {
  var observation: [Float] = []
  var action: [Int32] = []
  var reward: [Float] = []
  var picture: [UInt8] = []
  var discount: [Float] = []
  var next: [Float] = []

  init(_ store: ReplayStore, _ draw: Draw, table: Int = 0) throws {
    let buffers = try store.batchFields(table).map {
      UnsafeMutableRawBufferPointer.allocate(byteCount: $0.byteCount * draw.count, alignment: 8)
    }
    defer { for buffer in buffers { buffer.deallocate() } }
    try store.gather(draw, table: table, into: buffers)
    observation = Array(buffers[0].bindMemory(to: Float.self))
    action = Array(buffers[1].bindMemory(to: Int32.self))
    reward = Array(buffers[2].bindMemory(to: Float.self))
    picture = Array(buffers[3])
    discount = Array(buffers[4].bindMemory(to: Float.self))
    next = Array(buffers[5].bindMemory(to: Float.self))
  }
}

/// A batch's columns as bytes, at odd addresses.
func rawBatch(_ store: ReplayStore, _ draw: Draw, table: Int) throws -> [[UInt8]] {
  let fields = try store.batchFields(table)
  let buffers = fields.map {
    UnsafeMutableRawBufferPointer.allocate(byteCount: $0.byteCount * draw.count + 1, alignment: 8)
  }
  defer { for buffer in buffers { buffer.deallocate() } }
  for buffer in buffers { buffer.initializeMemory(as: UInt8.self, repeating: 0xA5) }
  let odd = buffers.map { UnsafeMutableRawBufferPointer(rebasing: $0[1...]) }
  try store.gather(draw, table: table, into: odd)
  return odd.map(Array.init)
}

extension ReplayStore {
  /// Inserts a message, whose memory must outlive the call.
  func insert(_ message: Message, writer: Int) throws(ReplayStoreError) -> InsertSummary {
    defer { withExtendedLifetime(message) {} }
    return try insert(message.insertion(), writer: writer)
  }

  func update(_ keys: [UInt64], _ priorities: [Float], table: Int = 0) throws -> (applied: Int, gone: Int) {
    try keys.withUnsafeBytes { keys in
      try priorities.withUnsafeBytes { priorities in
        try updatePriorities(table: table, keys: keys, priorities: priorities)
      }
    }
  }
}
