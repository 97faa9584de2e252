// What can be wrong with foreign bytes.

/// A frame that cannot be read: where, what was expected and what was found. Never a trap.
public struct WireError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Byte offset in the frame.
  public var offset: Int
  public var expected: String
  public var found: String
  /// The type of a well-formed message that this version does not know: there may be newer ones.
  public var unknownType: UInt8?

  public init(offset: Int, expected: String, found: String) {
    self.offset = offset
    self.expected = expected
    self.found = found
  }

  public var description: String { "at byte \(offset): expected \(expected), found \(found)" }
}
