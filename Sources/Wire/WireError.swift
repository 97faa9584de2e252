// Why bytes could not be read.

/// A frame that cannot be read. Foreign bytes never trap.
public struct WireError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The byte offset in the frame.
  public var offset: Int
  /// The value or range that should be there, and the field's name.
  public var expected: String
  /// The value, or the kind of value, that is there.
  public var found: String
  /// The code of a message type that this version does not know; a newer version may.
  public var unknownType: UInt8?

  public init(offset: Int, expected: String, found: String) {
    self.offset = offset
    self.expected = expected
    self.found = found
  }

  public var description: String { "at byte \(offset): expected \(expected), found \(found)" }
}
