// The descriptions in a recording.

public import Experience
internal import Foundations
public import Wire

/// The types of the entries in contents: the first element of each. Codes never change their
/// meaning.
enum EntryType: UInt64, Sendable {
  case about = 0
  case message = 1
  case missed = 2
  case source = 3
  case index = 4
}

/// `[0, created, program, filter]`: the content of a file's first block.
public struct RecordingAbout: Hashable, Sendable {
  /// When the file was made, in nanoseconds since 1970.
  public var created: Int64
  /// The program that made it.
  public var program: String
  /// What of the experience was recorded, in words; empty for everything.
  public var filter: String

  public init(created: Int64, program: String, filter: String) {
    self.created = created
    self.program = program
    self.filter = filter
  }

  func encode(into writer: FrameWriter) {
    writer.array(4)
    writer.unsigned(EntryType.about.rawValue)
    writer.unsigned(UInt64(created))
    writer.string(program, maxBytes: Limits.labelBytes)
    writer.string(filter, maxBytes: Limits.textBytes)
  }

  init(from cursor: inout FrameCursor) throws(WireError) {
    try cursor.open(.about, elements: 4)
    created = try cursor.time("the time")
    program = try cursor.string(maxBytes: Limits.labelBytes, "the program")
    filter = try cursor.string(maxBytes: Limits.textBytes, "the filter")
    try cursor.close()
  }
}

/// `[3, incarnation, shard, time, next, fields, tables, configuration]`: one incarnation of a shard
/// whose messages a file holds. The elements after the first are those of TAP; `fields` is never
/// nil.
public struct RecordingSource: Hashable, Sendable {
  /// The shard's incarnation.
  public var incarnation: Identifier
  /// The shard's number, from 1.
  public var shard: Int
  /// When recording began, in nanoseconds since 1970.
  public var time: Int64
  /// The number of the first message after that; 1: the recording began with the shard.
  public var next: UInt64
  /// The schema of the steps.
  public var schema: StepSchema
  /// The tables, in the order of their numbers.
  public var tables: [TableSchema]
  /// The run's configuration, as YAML.
  public var configuration: String

  /// nil if the schema is unknown.
  public init?(_ tap: Tap) {
    guard let schema = tap.schema else { return nil }
    incarnation = tap.incarnation
    shard = tap.shard
    time = tap.time
    next = tap.next
    self.schema = schema
    tables = tap.tables
    configuration = tap.configuration
  }

  func encode(into writer: FrameWriter) {
    writer.array(8)
    writer.unsigned(EntryType.source.rawValue)
    Tap(
      incarnation: incarnation, shard: shard, time: time, next: next, schema: schema, tables: tables,
      configuration: configuration
    ).encodeElements(into: writer)
  }

  init(from cursor: inout FrameCursor) throws(WireError) {
    try cursor.open(.source, elements: 8)
    let tap = try Tap(elementsFrom: &cursor)
    guard let source = RecordingSource(tap) else {
      throw WireError(offset: 0, expected: "the fields of a step", found: "nil")
    }
    self = source
  }

  /// Bytes of a step in each column, the flags last.
  public var rowBytes: [Int] { schema.fields.map(\.byteCount) + [1] }
}

extension FrameCursor {
  /// Reads the head of an entry.
  mutating func open(_ type: EntryType, elements: Int) throws(WireError) {
    let start = offset
    let (found, count) = try openEntry()
    guard found == type, count == elements else {
      throw WireError(
        offset: start, expected: "an entry of type \(type.rawValue) with \(elements) elements",
        found: "type \(found.rawValue) with \(count)")
    }
  }

  /// The type of the next entry, and its number of elements.
  mutating func openEntry() throws(WireError) -> (type: EntryType, elements: Int) {
    let start = offset
    let count = try array(max: 64, "an entry")
    let code = try unsigned("an entry's type")
    guard count > 0, let type = EntryType(rawValue: code) else {
      throw WireError(offset: start, expected: "an entry of type 0 to 4", found: "\(code)")
    }
    return (type, count)
  }
}
