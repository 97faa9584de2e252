// What a recording holds, and whether it is whole.

internal import Experience
internal import Wire

/// What one pass over all bytes of a recording finds.
public struct RecordingSummary: Sendable {
  /// What one source's messages hold.
  public struct Source: Sendable {
    /// Its number in the file.
    public var number: Int
    /// nil if it is damaged: no message can be read.
    public var description: RecordingSource?
    public var messages: UInt64 = 0
    public var steps: UInt64 = 0
    public var items: UInt64 = 0
    /// Episodes that end.
    public var episodes: UInt64 = 0
    /// By label.
    public var actors: [String: Actor] = [:]
    /// Messages that the recorder missed.
    public var missed = NumberRanges()
    /// Messages that the file neither holds nor tells of as missed: damage took them. Messages that
    /// a filter has left out do not count.
    public var lost = NumberRanges()
    /// nil unless it was asked for.
    public var digest: RecordingDigest?
    /// The last number that blocks tell of.
    fileprivate var told: UInt64
    /// The number of the last message.
    fileprivate var last: UInt64 = 0
  }

  /// What was recorded of one writer's name for people.
  public struct Actor: Hashable, Sendable {
    public var messages: UInt64 = 0
    public var steps: UInt64 = 0
  }

  public let path: String
  public let fileBytes: UInt64
  /// Bytes of the contents of all blocks that can be read.
  public private(set) var contentBytes: UInt64 = 0
  /// nil if it is damaged.
  public let about: RecordingAbout?
  /// Whether the file was closed in order.
  public let isIndexed: Bool
  /// Times of the first and last message, in nanoseconds since 1970; nil without messages.
  public let beginning: Int64?
  public let ending: Int64?
  public private(set) var sources: [Source]
  /// Empty if every byte is as it was written.
  public private(set) var damage: [RecordingDamage] = []

  /// Reads every byte of a file.
  /// - Parameter digests: also compute the digest of each source.
  /// - Throws: `RecordingError` if the file cannot be read, is no recording, or has another version
  ///   of the format.
  public init(path: String, digests: Bool = false) throws(RecordingError) {
    let reader = try RecordingReader(path: path, scans: true)
    self.path = path
    fileBytes = reader.fileBytes
    about = reader.about
    isIndexed = reader.isIndexed
    beginning = reader.beginning
    ending = reader.ending
    sources = reader.sources.enumerated().map { number, description in
      Source(
        number: number, description: description, digest: digests ? RecordingDigest() : nil,
        told: max(1, description?.next ?? 1) - 1)
    }
    for block in reader.allBlocks {
      switch block.header.kind {
      case .messages: add(block, reader)
      case .index: checkIndex(block, reader)
      case .about, .source: contentBytes += block.header.contentBytes
      }
    }
    for number in sources.indices { sources[number].lost.remove(sources[number].missed) }
    damage = reader.damage.sorted { $0.range.lowerBound < $1.range.lowerBound }
  }

  /// Counts of all sources.
  public var messages: UInt64 { sources.reduce(0) { $0 + $1.messages } }
  public var steps: UInt64 { sources.reduce(0) { $0 + $1.steps } }
  public var items: UInt64 { sources.reduce(0) { $0 + $1.items } }
  public var episodes: UInt64 { sources.reduce(0) { $0 + $1.episodes } }
  public var missed: UInt64 { sources.reduce(0) { $0.adding($1.missed.count) } }
  public var lost: UInt64 { sources.reduce(0) { $0.adding($1.lost.count) } }
}

extension RecordingSummary {
  private mutating func add(_ block: RecordingBlock, _ reader: RecordingReader) {
    let header = block.header
    let number = Int(header.source)
    guard sources.indices.contains(number) else { return }
    if header.firstNumber > sources[number].told + 1 {
      sources[number].lost.insert(sources[number].told + 1...header.firstNumber - 1)
    }
    sources[number].told = max(sources[number].told, header.lastNumber)
    guard var entries = reader.entries(of: block) else {
      if header.messages > 0 { sources[number].lost.insert(header.firstNumber...header.lastNumber) }
      return
    }
    contentBytes += header.contentBytes
    var tally = BlockTally(header)
    let before = sources[number].last
    var isOrdered = true
    while let entry = reader.next(&entries, of: block) {
      let insertion = entries.insertion
      tally.add(entry, steps: insertion.stepCount, items: insertion.itemCount)
      isOrdered = sources[number].add(entry, insertion) && isOrdered
    }
    if entries.isAtEnd {
      if !isOrdered {
        reader.record(block, "expected numbers beyond \(before), found them again")
      } else if let problem = tally.problem {
        reader.record(block, problem)
      }
    } else if header.lastNumber > tally.last ?? 0 {
      sources[number].lost.insert(max(header.firstNumber, (tally.last ?? 0) + 1)...header.lastNumber)
    }
  }

  /// An index tells of all blocks before it, but for other indices.
  private mutating func checkIndex(_ block: RecordingBlock, _ reader: RecordingReader) {
    guard let content = reader.content(of: block) else { return }
    contentBytes += block.header.contentBytes
    let told = BlockIndex.decode(content, at: block.offset)
    let found = reader.allBlocks.filter { $0.header.kind != .index && $0.offset < block.offset }
    guard told != found else { return }
    reader.record(
      block,
      told.map {
        "expected an index of the \(found.count) blocks before it, found another, of \($0.count) blocks"
      }
        ?? "expected an index, found other content")
  }
}

extension RecordingSummary.Source {
  /// Counts an entry; false if its number does not follow the last one.
  fileprivate mutating func add(_ entry: RecordedEntry, _ insertion: Insertion) -> Bool {
    switch entry {
    case .missed(let found):
      // It may come late: a block that could not be written is told of by a later one.
      missed.insert(found.numbers)
      return true
    case .message(let message):
      let steps = UInt64(insertion.stepCount)
      messages += 1
      self.steps += steps
      items += UInt64(insertion.itemCount)
      actors[message.label, default: RecordingSummary.Actor()].messages += 1
      actors[message.label]?.steps += steps
      for chunk in insertion.chunks.indices {
        let flags = insertion.column(insertion.columnsPerChunk - 1, ofChunk: chunk)
        for flag in flags { episodes += UInt64(flag >> 1 & 1) }
      }
      digest?.add(message, insertion)
      defer { last = max(last, message.number) }
      return message.number > last
    }
  }
}
