// The messages of one source of a recording, in order.

internal import Experience
internal import Recordings
internal import Wire

/// Walks through the blocks of one source. While the messages of one are taken, the next is read.
struct RecordedSourceCursor {
  /// The incarnation of the shard.
  let incarnation: Identifier
  /// The next message; nil while its block is not there, and at the end.
  private(set) var head: Accepted?
  /// Messages that the recording lacks, by what was read so far.
  private(set) var missed: UInt64 = 0
  /// Damage found since the owner took it.
  var damage: [RecordingDamage] = []

  private let blocks: [RecordingBlock]
  /// All blocks before have been taken.
  private var taken = 0
  private let slots: [BlockSlot]
  private var states: [SlotState]
  /// Messages of the current block that were taken.
  private var takenOfBlock: UInt64 = 0

  private enum SlotState {
    case free
    /// The other thread has it.
    case loading
    /// The next block is in it.
    case ready
    /// Its messages are being taken.
    case current
  }

  /// - Parameters:
  ///   - blocks: in the order of their numbers.
  ///   - readers: two, for this cursor alone.
  init(incarnation: Identifier, blocks: [RecordingBlock], readers: [RecordingReader]) {
    self.incarnation = incarnation
    self.blocks = blocks
    slots = readers.map { BlockSlot($0) }
    states = readers.map { _ in .free }
  }

  private var current: Int? { states.firstIndex(of: .current) }

  /// Whether no message is left.
  var isAtEnd: Bool { head == nil && current == nil && taken == blocks.count }
  /// Whether a block is with the other thread.
  var isReading: Bool { states.contains(.loading) }

  /// The time of the next message, or a time that it cannot be before.
  var time: Int64 { head?.time ?? (taken < blocks.count ? blocks[taken].header.firstTime : .max) }
  /// The same of its number.
  var number: UInt64 { head?.number ?? (taken < blocks.count ? blocks[taken].header.firstNumber : .max) }

  /// Chunks and items of `head`, valid until `advance`.
  var insertion: Insertion? { current.flatMap { slots[$0].entries?.insertion } }

  /// Begins from the first block again. No block may be with the other thread.
  mutating func rewind() {
    precondition(!isReading, "a block is being read")
    (head, taken) = (nil, 0)
    for slot in states.indices { states[slot] = .free }
  }

  /// Has the next block read, if a slot is free for it. `submit` hands the work to another thread.
  mutating func read(_ submit: (_ slot: Int, _ load: @escaping @Sendable () -> Void) -> Void) {
    guard taken < blocks.count, !isReading, !states.contains(.ready),
      let slot = states.firstIndex(of: .free)
    else { return }
    states[slot] = .loading
    let (loader, block) = (slots[slot], blocks[taken])
    submit(slot) { loader.load(block) }
  }

  /// A slot has been read.
  mutating func didRead(slot: Int) { states[slot] = .ready }

  /// Moves to the next message that `isPlayed`. Leaves `head` nil where its block is not there yet.
  mutating func advance(where isPlayed: (Accepted) -> Bool) {
    head = nil
    while let slot = current ?? openNext() {
      while let entry = slots[slot].next() {
        switch entry {
        case .missed(let messages): missed &+= messages.count
        case .message(let message):
          takenOfBlock += 1
          guard isPlayed(message) else { continue }
          head = message
          return
        }
      }
      close(slot)
    }
  }

  /// Makes the next block current and returns its slot; nil if it is not there, or there is none.
  private mutating func openNext() -> Int? {
    guard let slot = states.firstIndex(of: .ready) else { return nil }
    states[slot] = .current
    taken += 1
    takenOfBlock = 0
    return slot
  }

  private mutating func close(_ slot: Int) {
    states[slot] = .free
    guard let found = slots[slot].damage, let block = slots[slot].block else { return }
    damage.append(found)
    missed &+= block.header.messages - min(takenOfBlock, block.header.messages)
  }
}
