// Compares a block's entries with its header.

internal import Experience
internal import Wire

/// Counts the entries of one block.
struct BlockTally {
  private let header: BlockHeader
  private var messages: UInt64 = 0
  private var steps: UInt64 = 0
  private var items: UInt64 = 0
  private var missed: UInt64 = 0
  /// The number of the last message.
  private(set) var last: UInt64?
  /// The first entry that contradicts the header or its predecessor, in words.
  private var contradiction: String?

  init(_ header: BlockHeader) {
    self.header = header
  }

  mutating func add(_ entry: RecordedEntry, steps: Int, items: Int) {
    switch entry {
    case .message(let message):
      messages += 1
      self.steps += UInt64(steps)
      self.items += UInt64(items)
      if let last, message.number <= last { contradict("numbers beyond \(last)", "\(message.number)") }
      last = max(last ?? 0, message.number)
      check(message.number...message.number, message.time)
    case .missed(let missed):
      self.missed = self.missed.adding(missed.count)
      check(missed.numbers, missed.time)
    }
  }

  private mutating func check(_ numbers: ClosedRange<UInt64>, _ time: Int64) {
    if numbers.lowerBound < header.firstNumber || numbers.upperBound > header.lastNumber {
      contradict(
        "numbers \(header.firstNumber) to \(header.lastNumber), as the header says",
        "\(numbers.lowerBound) to \(numbers.upperBound)")
    } else if time < header.firstTime || time > header.lastTime {
      contradict("times \(header.firstTime) to \(header.lastTime), as the header says", "\(time)")
    }
  }

  private mutating func contradict(_ expected: String, _ found: String) {
    if contradiction == nil { contradiction = "expected \(expected), found \(found)" }
  }

  /// What is wrong once all entries are added; nil if nothing is.
  var problem: String? {
    if let contradiction { return contradiction }
    let counts = [
      ("messages", header.messages, messages), ("steps", header.steps, steps), ("items", header.items, items),
      ("missed messages", header.missed, missed),
    ]
    for (name, expected, found) in counts where expected != found {
      return "expected \(expected) \(name), as the header says, found \(found)"
    }
    return nil
  }

  /// What a block tells of as missed, if all its entries can be read and are what the header says;
  /// nil if not.
  static func missed(_ entries: RecordedEntries, ifSound header: BlockHeader) -> NumberRanges? {
    var walk = entries
    var tally = BlockTally(header)
    var missed = NumberRanges()
    while let entry = try? walk.next() {
      tally.add(entry, steps: walk.insertion.stepCount, items: walk.insertion.itemCount)
      if case .missed(let found) = entry { missed.insert(found.numbers) }
    }
    return walk.isAtEnd && tally.problem == nil ? missed : nil
  }
}
