// What most messages have in common.

/// A message that is a value: written, read and compared as a whole. INSERT, BATCH, PRIORITIES,
/// DELTA and WEIGHTS are large, and so are views into their frames instead.
public protocol ValueMessage: Hashable, Sendable {
  /// Empties `writer` and writes the whole message.
  func encode(into writer: FrameWriter)
  /// Reads the elements after version and type. Throws with the offset, what was expected and what
  /// was found.
  init(from cursor: inout FrameCursor) throws(WireError)
}
