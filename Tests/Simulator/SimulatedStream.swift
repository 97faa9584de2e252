// One environment of a simulated writer.

internal import Experience
internal import Foundations

/// Makes steps and the items that end with them, as naively as possible.
struct SimulatedStream {
  let incarnation: WriterIncarnation
  let number: Int
  let nStep: Int
  /// Steps from an item to the next, of sequences that share a step; nil for transitions.
  let period: Int?
  /// The first step that is not framed yet.
  private(set) var unsent: UInt64
  private(set) var next: UInt64
  private(set) var isCut = false
  /// Items may not start before this step: it starts an episode, or follows a cut.
  private var itemsFrom: UInt64
  private var stepsLeft = 0
  private var endsTerminal = false
  private(set) var items: [Item] = []
  /// Items made so far.
  private(set) var itemsMade = 0

  init(incarnation: WriterIncarnation, number: Int, nStep: Int, period: Int? = nil) {
    self.period = period
    self.incarnation = incarnation
    self.number = number
    self.nStep = nStep
    next = incarnation.base[number]
    unsent = next
    itemsFrom = next
  }

  var unsentCount: Int { Int(next - unsent) }

  /// Makes the next step; episodes have 1 to 12.
  mutating func step(version: UInt64, using generator: inout SeededGenerator) {
    var flags: StepFlags = []
    if stepsLeft == 0 {
      flags.insert(.isFirst)
      stepsLeft = 1 + generator.below(12)
      endsTerminal = generator.below(2) == 0
      if period == nil { itemsFrom = next }
    }
    stepsLeft -= 1
    if stepsLeft == 0 { flags.formUnion(endsTerminal ? [.isLast, .isTerminal] : [.isLast]) }
    incarnation.steps[number].append(StepRecord(flags: flags, version: version))
    if let period {
      completeSequence(period)
      next += 1
      return
    }
    let age = Int(next - itemsFrom)
    let spans = flags.contains(.isLast) ? Array(1...nStep).filter { $0 <= age } : age >= nStep ? [nStep] : []
    for steps in spans {
      items.append(
        Item(stream: UInt32(number), firstIndex: next - UInt64(steps), count: steps + 1, priority: nil))
    }
    next += 1
  }

  private mutating func completeSequence(_ period: Int) {
    guard next >= UInt64(period), next % UInt64(period) == 0 else { return }
    let first = next - UInt64(period)
    if first >= itemsFrom {
      items.append(Item(stream: UInt32(number), firstIndex: first, count: period + 1, priority: nil))
      itemsMade += 1
    }
  }

  /// Frames the oldest unsent steps that one chunk can carry: at most `limit`, of one weights
  /// version.
  mutating func popChunk(limit: Int) -> ChunkHeader? {
    guard unsent < next, let version = incarnation.step(number, unsent)?.version else { return nil }
    var count = 1
    while count < limit, unsent + UInt64(count) < next,
      incarnation.step(number, unsent + UInt64(count))?.version == version
    {
      count += 1
    }
    let header = ChunkHeader(
      stream: UInt32(number), firstIndex: unsent, count: count, weightsVersion: version, isCut: isCut)
    isCut = false
    unsent += UInt64(count)
    return header
  }

  /// Frames items whose last step is framed; the writer may keep some for a later message.
  mutating func popItems(limit: Int) -> [Item] {
    let ready = items.filter { $0.firstIndex + UInt64($0.count) <= unsent }.prefix(limit)
    items.removeAll { item in ready.contains { $0.firstIndex == item.firstIndex } }
    return Array(ready)
  }

  /// Cuts the stream: framed steps are lost, or unsent steps are dropped. No item spans the cut.
  mutating func cut(droppingUnsent: Bool) {
    if droppingUnsent { unsent = next }
    isCut = true
    items.removeAll { $0.firstIndex < unsent }
    itemsFrom = max(itemsFrom, unsent)
  }
}
