// What one incarnation of a replay shard must hold.

internal import Experience
internal import ReplayStore

/// A naive store: every step committed in this incarnation by its position, and the items over
/// them.
struct ReplayModel {
  let capacity: Int
  /// The last committed message of each writer's session.
  private(set) var committed: [Int: UInt64] = [:]
  /// The step at each position.
  private(set) var steps: [StepName] = []
  private(set) var items: [UInt64: Int] = [:]
  private(set) var tail = 0
  private(set) var itemsInserted: UInt64 = 0
  private(set) var itemsStale: UInt64 = 0
  private var positions: [StepName: Int] = [:]
  private var chunks: [Int] = []
  private var oldestChunk = 0
  private var nextIndex: [StepName: UInt64] = [:]

  init(capacity: Int) {
    self.capacity = capacity
  }

  /// The service welcomes a writer: no message up to that sequence comes any more.
  mutating func welcomed(_ session: WriterSession, committed sequence: UInt64) {
    committed[session.number] = max(committed[session.number] ?? 0, sequence)
  }

  /// The service acknowledges a message. Returns what is wrong, or nil.
  mutating func acknowledged(_ session: WriterSession, committed sequence: UInt64) -> String? {
    let last = committed[session.number] ?? 0
    if sequence == last { return nil }
    guard sequence == last + 1 else {
      return "writer \(session.number): message \(sequence) acknowledged after \(last)"
    }
    guard sequence <= UInt64(session.messages.count) else { return "message \(sequence) was never sent" }
    committed[session.number] = sequence
    session.messages[Int(sequence) - 1].isCommitted = true
    return commit(session.messages[Int(sequence) - 1], of: session)
  }

  private mutating func commit(_ message: SentMessage, of session: WriterSession) -> String? {
    let incarnation = session.incarnation
    for chunk in message.chunks {
      // Each session has streams of its own at the service.
      let stream = StepName(incarnation: session.number, stream: Int(chunk.stream), index: 0)
      let expected = nextIndex[stream] ?? chunk.firstIndex
      if chunk.firstIndex != expected, !chunk.isCut || chunk.firstIndex < expected {
        return
          "incarnation \(incarnation.number), stream \(chunk.stream): step \(chunk.firstIndex) after \(expected - 1)"
      }
      nextIndex[stream] = chunk.firstIndex + UInt64(chunk.count)
      for row in 0..<UInt64(chunk.count) {
        let name = StepName(
          incarnation: incarnation.number, stream: Int(chunk.stream), index: chunk.firstIndex + row)
        if positions[name] != nil { return "\(name) is committed twice" }
        positions[name] = steps.count
        steps.append(name)
      }
      chunks.append(chunk.count)
    }
    while steps.count - tail > capacity {
      tail += chunks[oldestChunk]
      oldestChunk += 1
    }
    for item in message.items {
      let name = StepName(incarnation: incarnation.number, stream: Int(item.stream), index: item.firstIndex)
      guard let position = positions[name], position >= tail else {
        itemsStale += 1
        continue
      }
      itemsInserted += 1
      items[UInt64(position)] = item.count
    }
    return nil
  }

  var itemsLive: Int { items.reduce(0) { $0 + ($1.key >= UInt64(tail) ? 1 : 0) } }

  /// A figure of the store that is wrong, or nil.
  func mismatch(_ statistics: ReplayStoreStatistics) -> String? {
    if statistics.head != UInt64(steps.count) {
      return "the store has \(statistics.head) steps in all, expected the acknowledged \(steps.count)"
    }
    if statistics.tail != UInt64(tail) { return "the store's tail is \(statistics.tail), expected \(tail)" }
    guard let table = statistics.tables.first else { return nil }
    if table.itemsInserted != itemsInserted || table.itemsStale != itemsStale {
      return
        "items inserted and stale: \(table.itemsInserted) and \(table.itemsStale), expected \(itemsInserted) and \(itemsStale)"
    }
    return nil
  }
}
