// HELLO, WELCOME and GOODBYE: begin and end a session with a replay.

public import Experience

/// What a client of the replay service does. Raw values are the codes on the wire.
public enum PeerRole: UInt8, Sendable {
  case writer = 1
  case sampler = 2
}

/// `[version, 1, role, id, label, next sequence, fields or nil, tables]`: the first message of a
/// writer or a sampler on a connection.
public struct Hello: ValueMessage {
  /// A connection has at most one session of each role.
  public var role: PeerRole
  /// The incarnation of the client's process: random at each start.
  public var id: Identifier
  /// A name for people, at most `Limits.labelBytes` bytes.
  public var label: String
  /// The lowest sequence number that the writer may still send, at least 1; 0 for a sampler. A
  /// service that does not know the writer expects this number next.
  public var nextSequence: UInt64
  /// A writer's step schema; nil for a sampler.
  public var schema: StepSchema?
  /// The tables that the client writes to or samples from. Their order numbers them in its
  /// messages.
  public var tables: [TableSchema]

  public init(
    role: PeerRole, id: Identifier, label: String, nextSequence: UInt64, schema: StepSchema?,
    tables: [TableSchema]
  ) {
    self.role = role
    self.id = id
    self.label = label
    self.nextSequence = nextSequence
    self.schema = schema
    self.tables = tables
  }

  public func encode(into writer: FrameWriter) {
    writer.begin(.hello)
    writer.unsigned(UInt64(role.rawValue))
    writer.identifier(id)
    writer.string(label)
    writer.unsigned(nextSequence)
    writer.schema(schema)
    writer.tables(tables)
  }

  public init(from cursor: inout FrameCursor) throws(WireError) {
    let start = cursor.offset
    let code = try cursor.unsigned("the role")
    guard code <= 255, let role = PeerRole(rawValue: UInt8(code)) else {
      throw WireError(offset: start, expected: "role 1 (writer) or 2 (sampler)", found: "\(code)")
    }
    self.role = role
    id = try cursor.identifier("the peer's id")
    label = try cursor.string(maxBytes: Limits.labelBytes, "the label")
    let sequenceStart = cursor.offset
    nextSequence = try cursor.number("the next sequence")
    guard role == .sampler || nextSequence >= 1 else {
      throw WireError(offset: sequenceStart, expected: "a writer's next sequence of at least 1", found: "0")
    }
    schema = try cursor.schema()
    tables = try cursor.tables()
    try cursor.close()
  }
}

/// `[version, 2, incarnation, committed, credit, credit bytes, frame bytes, silence, rows, fields
/// or nil, tables]`: the answer to HELLO.
public struct Welcome: ValueMessage {
  /// The service's incarnation.
  public var incarnation: Identifier
  /// The sequence number of the writer's last committed message; 0 if there is none, and for a
  /// sampler. The writer goes on with the next.
  public var committed: UInt64
  /// The limits that the client must keep to.
  public var grant: Grant
  /// The schema of the steps; nil until it is configured or a writer has declared it.
  public var schema: StepSchema?
  /// The service's tables; their order numbers them in INSERT, SAMPLE and PRIORITIES.
  public var tables: [TableSchema]

  public init(
    incarnation: Identifier, committed: UInt64, grant: Grant, schema: StepSchema?, tables: [TableSchema]
  ) {
    self.incarnation = incarnation
    self.committed = committed
    self.grant = grant
    self.schema = schema
    self.tables = tables
  }

  public func encode(into writer: FrameWriter) {
    writer.begin(.welcome)
    writer.identifier(incarnation)
    writer.unsigned(committed)
    grant.encode(into: writer)
    writer.schema(schema)
    writer.tables(tables)
  }

  public init(from cursor: inout FrameCursor) throws(WireError) {
    incarnation = try cursor.identifier("the incarnation")
    committed = try cursor.number("the committed sequence")
    grant = try Grant(fieldsFrom: &cursor)
    schema = try cursor.schema()
    tables = try cursor.tables()
    try cursor.close()
  }
}

/// `[version, 19, id]`: ends a session for good; the service forgets what it keeps for the client.
public struct Goodbye: ValueMessage {
  /// The `id` of the client's HELLO or JOIN.
  public var id: Identifier

  public init(id: Identifier) {
    self.id = id
  }

  public func encode(into writer: FrameWriter) {
    writer.begin(.goodbye)
    writer.identifier(id)
  }

  public init(from cursor: inout FrameCursor) throws(WireError) {
    id = try cursor.identifier("the peer's id")
    try cursor.close()
  }
}
