// SNAPSHOT? and SNAPSHOT: snapshots of a replay service.

public import Experience

/// What to do with a snapshot. Raw values are the codes on the wire.
public enum SnapshotVerb: UInt8, CaseIterable, Sendable {
  /// Makes a snapshot of the current content under an unused name.
  case snapshot = 1
  /// Inserts the content of a snapshot again.
  case restore = 2
}

/// The progress of a snapshot or a restore. Raw values are the codes on the wire.
public enum SnapshotState: UInt8, CaseIterable, Sendable {
  case underWay = 0
  case done = 1
  case failed = 2
}

/// `[version, 22, id, verb, name]`: begins a snapshot or a restore. Sent again with the same id, it
/// asks for its state.
public struct SnapshotRequest: ValueMessage {
  /// Random; each snapshot and each restore has its own.
  public var id: Identifier
  /// What to do.
  public var verb: SnapshotVerb
  /// The snapshot's name: 1 to 64 letters, digits, `.`, `_` and `-`, not beginning with a dot.
  public var name: String

  public init(id: Identifier, verb: SnapshotVerb, name: String) {
    self.id = id
    self.verb = verb
    self.name = name
  }

  public func encode(into writer: FrameWriter) {
    writer.begin(.snapshotRequest)
    writer.identifier(id)
    writer.unsigned(UInt64(verb.rawValue))
    writer.string(name, maxBytes: Limits.nameBytes)
  }

  public init(from cursor: inout FrameCursor) throws(WireError) {
    id = try cursor.identifier("the id")
    verb = try cursor.snapshotVerb()
    name = try cursor.string(maxBytes: Limits.nameBytes, "the snapshot's name")
    try cursor.close()
  }
}

/// `[version, 23, id, verb, name, state, bytes copied, bytes in all, text]`: the answer to
/// SNAPSHOT?.
public struct SnapshotStatus: ValueMessage {
  /// The id of the request.
  public var id: Identifier
  /// What is being done.
  public var verb: SnapshotVerb
  /// The snapshot's name.
  public var name: String
  /// How far it is.
  public var state: SnapshotState
  /// Bytes copied so far.
  public var bytesCopied: UInt64
  /// Bytes to copy.
  public var bytesTotal: UInt64
  /// The snapshot's folder, or why it failed.
  public var text: String

  public init(
    id: Identifier, verb: SnapshotVerb, name: String, state: SnapshotState, bytesCopied: UInt64,
    bytesTotal: UInt64,
    text: String
  ) {
    self.id = id
    self.verb = verb
    self.name = name
    self.state = state
    self.bytesCopied = bytesCopied
    self.bytesTotal = bytesTotal
    self.text = text
  }

  public func encode(into writer: FrameWriter) {
    writer.begin(.snapshotStatus)
    writer.identifier(id)
    writer.unsigned(UInt64(verb.rawValue))
    writer.string(name, maxBytes: Limits.nameBytes)
    writer.unsigned(UInt64(state.rawValue))
    writer.unsigned(bytesCopied)
    writer.unsigned(bytesTotal)
    writer.string(text, maxBytes: Limits.textBytes)
  }

  public init(from cursor: inout FrameCursor) throws(WireError) {
    id = try cursor.identifier("the id")
    verb = try cursor.snapshotVerb()
    name = try cursor.string(maxBytes: Limits.nameBytes, "the snapshot's name")
    state = SnapshotState(rawValue: UInt8(try cursor.count(max: 2, "the state")))!
    bytesCopied = try cursor.number("the bytes copied")
    bytesTotal = try cursor.number("the bytes in all")
    text = try cursor.string(maxBytes: Limits.textBytes, "the snapshot's folder or problem")
    try cursor.close()
  }
}

extension FrameCursor {
  fileprivate mutating func snapshotVerb() throws(WireError) -> SnapshotVerb {
    let start = offset
    let code = try count(max: 255, "the verb")
    guard let verb = SnapshotVerb(rawValue: UInt8(code)) else {
      throw WireError(offset: start, expected: "1 (snapshot) or 2 (restore)", found: "\(code)")
    }
    return verb
  }
}
