// The entries of a block of messages.

public import Experience
internal import Foundations
public import Wire

/// Messages that were accepted but are not in the file: `[2, first, last, time]`.
public struct MissedMessages: Hashable, Sendable {
  /// Their numbers.
  public var numbers: ClosedRange<UInt64>
  /// When that was noticed, in nanoseconds since 1970.
  public var time: Int64

  public init(numbers: ClosedRange<UInt64>, time: Int64) {
    self.numbers = numbers
    self.time = time
  }

  /// How many they are.
  public var count: UInt64 { numbers.upperBound - numbers.lowerBound + 1 }
}

/// An entry of a block of messages.
public enum RecordedEntry: Hashable, Sendable {
  /// A message; its chunks and items are in the reader's `insertion`.
  case message(Accepted)
  case missed(MissedMessages)
}

/// Reads the entries of a block one after the other, without trusting them.
public struct RecordedEntries {
  private var cursor: FrameCursor
  /// Owns the content's memory.
  private let owner: AnyObject?
  private let schema: StepSchema
  private let rowBytes: [Int]
  private var isDamaged = false
  /// Chunks and items of the last message, as views into the block.
  public private(set) var insertion: Insertion
  /// The bytes of its chunks and items.
  public private(set) var content = UnsafeRawBufferPointer(start: nil, count: 0)

  /// - Parameter content: a block's content; valid as long as the entries are read.
  public init(
    _ content: UnsafeRawBufferPointer, of source: RecordingSource, keeping owner: AnyObject? = nil
  ) {
    self.owner = owner
    cursor = FrameCursor(content)
    schema = source.schema
    rowBytes = source.rowBytes
    insertion = Insertion(columnsPerChunk: source.schema.columnCount)
  }

  /// Whether all entries were read. It stays false behind an entry that is damaged.
  public var isAtEnd: Bool { !isDamaged && cursor.offset == cursor.bytes.count }

  /// The next entry; nil at the end. After an error nothing more can be read.
  public mutating func next() throws(WireError) -> RecordedEntry? {
    guard !isDamaged, cursor.offset < cursor.bytes.count else { return nil }
    do throws(WireError) {
      return try entry()
    } catch {
      isDamaged = true
      throw error
    }
  }

  private mutating func entry() throws(WireError) -> RecordedEntry {
    let start = cursor.offset
    switch try cursor.openEntry() {
    case (.message, 1 + Accepted.elementCount):
      let accepted = try Accepted(elementsFrom: &cursor)
      guard accepted.number > 0 else {
        throw WireError(offset: start, expected: "a message's number of at least 1", found: "0")
      }
      let from = cursor.offset
      try Insert.body(from: &cursor, schema: schema, rowBytes: rowBytes, into: &insertion)
      content = UnsafeRawBufferPointer(rebasing: cursor.bytes[from..<cursor.offset])
      return .message(accepted)
    case (.missed, 4):
      let first = try cursor.number("the first number")
      let last = try cursor.number("the last number")
      let time = try cursor.time("the time")
      guard first > 0, first <= last else {
        throw WireError(
          offset: start, expected: "numbers from 1 on, the first at most the last",
          found: "\(first) to \(last)")
      }
      return .missed(MissedMessages(numbers: first...last, time: time))
    case (let type, let count):
      throw WireError(
        offset: start, expected: "a message or missed messages",
        found: "an entry of type \(type.rawValue) with \(count) elements")
    }
  }
}
