// The insert messages of the store benchmark.

internal import ReplayStore
internal import Experience

/// The memory of one insert message: a chunk of steps within one episode, and an item for each step
/// but the newest.
final class StoreBenchMessage {
  static let schema = StepSchema.discrete(observation: [7])
  let steps: Int
  private let memory: UnsafeMutableRawBufferPointer

  init(steps: Int) {
    self.steps = steps
    // 28 + 4 + 4 bytes of fields and 1 of flags; 4 + 8 + 4 bytes of items.
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

  /// Fills in the message whose first step has this index in its stream. Each item is a 1-step
  /// transition that ends at one of the message's steps.
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

/// Sends a message again and again, each time as the next steps of its stream.
struct StoreBenchWriter {
  let message: StoreBenchMessage
  let writer: Int
  var next: UInt64 = 0
  var insertion = Insertion(columnsPerChunk: StoreBenchMessage.schema.columnCount)

  init(message: StoreBenchMessage, writer: Int) {
    self.message = message
    self.writer = writer
  }

  mutating func send(to store: ReplayStore) throws {
    message.fill(&insertion, firstIndex: next)
    _ = try store.insert(insertion, writer: writer)
    next += UInt64(message.steps)
  }
}
