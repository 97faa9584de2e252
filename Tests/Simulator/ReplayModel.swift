// What one incarnation of the replay service must hold.

internal import Experience
internal import ReplayStore

/// A naive store: every step ever committed in this incarnation by its position, and the items over them.
struct ReplayModel {
  let capacity: Int
  /// The last committed message of each writer's incarnation.
  private(set) var committed: [Int: UInt64] = [:]
  /// Position p holds step p.
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

  /// The service greets a writer: what is before that number comes no more.
  mutating func welcomed(_ stay: WriterStay, committed sequence: UInt64) {
    committed[stay.number] = max(committed[stay.number] ?? 0, sequence)
  }

  /// The service acknowledges; returns what is wrong.
  mutating func acknowledged(_ stay: WriterStay, committed sequence: UInt64) -> String? {
    let last = committed[stay.number] ?? 0
    if sequence == last { return nil }
    guard sequence == last + 1 else {
      return "writer \(stay.number): message \(sequence) acknowledged after \(last)"
    }
    guard sequence <= UInt64(stay.messages.count) else { return "message \(sequence) was never sent" }
    committed[stay.number] = sequence
    stay.messages[Int(sequence) - 1].isCommitted = true
    return commit(stay.messages[Int(sequence) - 1], of: stay)
  }

  private mutating func commit(_ message: SentMessage, of stay: WriterStay) -> String? {
    let incarnation = stay.incarnation
    for chunk in message.chunks {
      // To the service each stay has streams of its own.
      let stream = StepName(incarnation: stay.number, stream: Int(chunk.stream), index: 0)
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

  /// What of a store's figures is not as it must be.
  func mismatch(_ statistics: ReplayStoreStatistics) -> String? {
    if statistics.head != UInt64(steps.count) {
      return "the store has taken \(statistics.head) steps, acknowledged are \(steps.count)"
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
