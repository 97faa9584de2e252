// What was played of one recorded stream.

internal import Experience
internal import Wire

/// The steps of one recorded stream that were played, and the items over them. Indices are those of
/// the recording; `shift` makes them the player's.
struct PlayedStream {
  /// The index after the last step played.
  private var next: UInt64
  /// Is added to recorded indices, modulo 2⁶⁴: each pass goes on behind the one before.
  private(set) var shift: UInt64 = 0
  private var lastFlags: StepFlags = []
  private var pass: Int
  private var epoch: UInt64
  /// Steps that follow each other without a cut, oldest first; the last may go on.
  private var runs: [Range<UInt64>] = []
  /// By table: which steps begin an item.
  private var starts: [ItemStarts]

  /// Runs that are remembered. Writers send an item soon after its steps, hardly ever behind a cut.
  private static let runsMax = 8

  init(firstIndex: UInt64, tables: Int, pass: Int, epoch: UInt64) {
    next = firstIndex
    self.pass = pass
    self.epoch = epoch
    starts = Array(repeating: ItemStarts(), count: tables)
  }

  /// Plays a chunk: returns its header as it is sent, but for the stream's number. Nil if the
  /// replay would refuse it, because its indices go back or exceed the protocol's limit.
  ///
  /// - Parameters:
  ///   - first: flags of its first step.
  ///   - last: flags of its last step.
  ///   - epoch: the writer's cut epoch.
  mutating func play(
    _ header: ChunkHeader, first: StepFlags, last: StepFlags, pass: Int, epoch: UInt64
  ) -> ChunkHeader? {
    var (newNext, newShift) = (next, shift)
    if pass != self.pass {
      newShift = next &+ shift &- header.firstIndex
      newNext = header.firstIndex
    }
    let start = header.firstIndex &+ newShift
    guard header.firstIndex >= newNext, start <= Limits.number, UInt64(header.count) <= Limits.number - start
    else { return nil }
    (next, shift) = (newNext, newShift)
    let isInterrupted = pass != self.pass || epoch != self.epoch
    if isInterrupted { interrupt(pass: pass, epoch: epoch) }
    let end = header.firstIndex + UInt64(header.count)
    var sent = header
    sent.firstIndex = start
    let continues =
      !header.isCut && !runs.isEmpty && header.firstIndex == next
      && (first.contains(.isFirst) || !lastFlags.contains(.isLast))
    if continues {
      runs[runs.count - 1] = runs[runs.count - 1].lowerBound..<end
    } else {
      sent.isCut = header.isCut || isInterrupted || !first.contains(.isFirst)
      if runs.count == Self.runsMax { runs.removeFirst() }
      runs.append(header.firstIndex..<end)
    }
    next = end
    lastFlags = last
    return sent
  }

  /// Whether an item's steps were all played in this pass and epoch, without a cut between them.
  func holds(first: UInt64, count: Int, pass: Int, epoch: UInt64) -> Bool {
    guard pass == self.pass, epoch == self.epoch else { return false }
    for run in runs.reversed() where first >= run.lowerBound {
      return first < run.upperBound && count >= 0 && UInt64(count) <= run.upperBound - first
    }
    return false
  }

  /// Records an item; false if the table has one with this first step, or may have.
  mutating func addItem(table: Int, first: UInt64) -> Bool { starts[table].insert(first) }

  /// Another recorded stream goes on behind this one, as the next pass would.
  mutating func takeOver() { interrupt(pass: -1, epoch: epoch) }

  /// No item spans what comes now: what was sent last may be lost, or is another pass's.
  private mutating func interrupt(pass: Int, epoch: UInt64) {
    (self.pass, self.epoch) = (pass, epoch)
    runs.removeAll(keepingCapacity: true)
    lastFlags = []
    for table in starts.indices { starts[table].removeAll() }
  }
}

/// The first steps of a stream's items in one table. A replay refuses a second item with the same
/// first step, so each is played once.
struct ItemStarts {
  /// Items may come in any order within this many steps; those further behind are not played.
  static let window: UInt64 = 4096

  private var newest: UInt64?
  /// Bit `index mod window`; empty until the first item.
  private var bits: [UInt64] = []

  mutating func removeAll() { newest = nil }

  /// Inserts an index; false if it is there, or too far behind the newest.
  mutating func insert(_ index: UInt64) -> Bool {
    guard let newest else {
      if bits.isEmpty {
        bits = Array(repeating: 0, count: Int(Self.window / 64))
      } else {
        clear()
      }
      set(index)
      self.newest = index
      return true
    }
    if index > newest {
      if index - newest >= Self.window {
        clear()
      } else {
        for passed in newest + 1..<index { bits[Self.word(passed)] &= ~Self.mask(passed) }
      }
      set(index)
      self.newest = index
      return true
    }
    guard newest - index < Self.window, bits[Self.word(index)] & Self.mask(index) == 0 else { return false }
    set(index)
    return true
  }

  private mutating func clear() { for word in bits.indices { bits[word] = 0 } }
  private mutating func set(_ index: UInt64) { bits[Self.word(index)] |= Self.mask(index) }
  private static func word(_ index: UInt64) -> Int { Int(index % window / 64) }
  private static func mask(_ index: UInt64) -> UInt64 { 1 << (index % 64) }
}
