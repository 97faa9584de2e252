// COPY? and COPY: snapshots of a replay service.

public import Experience

/// What a copy request asks for.
public enum SnapshotVerb: UInt8, CaseIterable, Sendable {
  /// Makes a snapshot of this moment under a name that is not there yet.
  case snapshot = 1
  /// Inserts what a snapshot holds again.
  case restore = 2
}

/// How a snapshot or a restore stands.
public enum SnapshotState: UInt8, CaseIterable, Sendable {
  case underWay = 0
  case done = 1
  case failed = 2
}

/// `[version, 22, id, verb, name]`: begins a snapshot or a restore, or, with the id of one that was begun, asks how it stands.
public struct SnapshotRequest: ValueMessage {
  /// Random, another one for each snapshot and restore.
  public var id: Identifier
  public var verb: SnapshotVerb
  /// Of the snapshot: 1 to 64 letters, digits, `.`, `_` and `-`, the first one no dot.
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

/// `[version, 23, id, verb, name, state, bytes copied, bytes in all, text]`: text is where the snapshot is, or what went wrong.
public struct SnapshotStatus: ValueMessage {
  public var id: Identifier
  public var verb: SnapshotVerb
  public var name: String
  public var state: SnapshotState
  public var bytesCopied: UInt64
  public var bytesTotal: UInt64
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
    text = try cursor.string(maxBytes: Limits.textBytes, "where it is, or what went wrong")
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
