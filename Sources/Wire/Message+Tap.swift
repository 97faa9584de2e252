// TAP and ACCEPTED: what a replay publishes for recorders.

public import Experience

/// `[version, 28, incarnation, shard, time, next, fields, tables, configuration]`: describes a
/// shard to those who record it. The shard publishes it for each new subscriber, and once more
/// when the schema becomes known.
public struct Tap: ValueMessage {
  /// The shard's incarnation.
  public var incarnation: Identifier
  /// The shard's number, from 1.
  public var shard: Int
  /// The time of this message, in nanoseconds since 1970.
  public var time: Int64
  /// The number of the next ACCEPTED.
  public var next: UInt64
  /// The schema of the steps; nil while it is unknown.
  public var schema: StepSchema?
  /// The tables, in the order of their numbers.
  public var tables: [TableSchema]
  /// The run's configuration, as YAML.
  public var configuration: String

  public init(
    incarnation: Identifier, shard: Int, time: Int64, next: UInt64, schema: StepSchema?,
    tables: [TableSchema], configuration: String
  ) {
    self.incarnation = incarnation
    self.shard = shard
    self.time = time
    self.next = next
    self.schema = schema
    self.tables = tables
    self.configuration = configuration
  }

  public func encode(into writer: FrameWriter) {
    writer.begin(.tap)
    encodeElements(into: writer)
  }

  /// Writes the elements after a message's head.
  public func encodeElements(into writer: FrameWriter) {
    writer.identifier(incarnation)
    writer.unsigned(shard)
    writer.unsigned(UInt64(time))
    writer.unsigned(next)
    writer.schema(schema)
    writer.tables(tables)
    writer.string(configuration, maxBytes: Limits.configurationBytes)
  }

  public init(from cursor: inout FrameCursor) throws(WireError) {
    try self.init(elementsFrom: &cursor)
  }

  /// Reads the elements after a message's head, up to the end.
  public init(elementsFrom cursor: inout FrameCursor) throws(WireError) {
    incarnation = try cursor.identifier("the incarnation")
    shard = try cursor.count(max: Limits.shards, "the shard's number")
    time = try cursor.time("the time")
    next = try cursor.number("the next number")
    schema = try cursor.schema()
    tables = try cursor.tables()
    configuration = try cursor.string(maxBytes: Limits.configurationBytes, "the configuration")
    try cursor.close()
  }
}

/// `[version, 29, incarnation, number, time, writer, label, priorities, chunks, items]`: an INSERT
/// that a shard has accepted, in the order of acceptance. `chunks` and `items` are those of the
/// INSERT. The incarnation is not a part of this value.
public struct Accepted: Hashable, Sendable {
  /// 1 for an incarnation's first message; each further one is 1 more.
  public var number: UInt64
  /// When the message was accepted, in nanoseconds since 1970. It never falls within an
  /// incarnation.
  public var time: Int64
  /// The public name of the writer.
  public var writer: PublicName
  /// The writer's name for people.
  public var label: String
  /// For each table the priority that items without one took, if they came first in the message:
  /// the largest so far.
  public var priorities: [Float]

  public init(number: UInt64, time: Int64, writer: PublicName, label: String, priorities: [Float]) {
    self.number = number
    self.time = time
    self.writer = writer
    self.label = label
    self.priorities = priorities
  }

  /// Elements of this part and of `chunks` and `items`.
  public static let elementCount = 7

  /// Writes a whole ACCEPTED.
  /// - Parameter content: the bytes of `chunks` and `items`, as in the INSERT.
  public func encode(
    into writer: FrameWriter, incarnation: Identifier, content: UnsafeRawBufferPointer
  ) {
    writer.begin(.accepted)
    writer.identifier(incarnation)
    encodeElements(into: writer)
    writer.append(content)
  }

  /// Writes the elements before `chunks`.
  public func encodeElements(into writer: FrameWriter) {
    writer.unsigned(number)
    writer.unsigned(UInt64(time))
    writer.publicName(self.writer)
    writer.string(label, maxBytes: Limits.labelBytes)
    writer.array(priorities.count)
    for priority in priorities { writer.float(priority) }
  }

  /// Reads the elements before `chunks`; `Insert.content` reads the rest.
  public init(elementsFrom cursor: inout FrameCursor) throws(WireError) {
    number = try cursor.number("the number")
    time = try cursor.time("the time")
    writer = try cursor.publicName("the writer's name")
    label = try cursor.string(maxBytes: Limits.labelBytes, "the label")
    priorities = []
    for _ in 0..<(try cursor.array(max: Limits.tables, "the priorities")) {
      let largest = Double(Float.greatestFiniteMagnitude)
      priorities.append(Float(try cursor.double(in: 0...largest, "a priority")))
    }
  }
}
