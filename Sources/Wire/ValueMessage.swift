// What most messages are.

/// A message that is a value: written, read and compared as a whole. The others (INSERT, BATCH, PRIORITIES, CHANGE, WEIGHTS) are views
/// into their frames, as they carry much.
public protocol ValueMessage: Hashable, Sendable {
  /// Begins a frame and writes all of it.
  func encode(into writer: FrameWriter)
  /// Reads the elements after version and type. Throws where it cannot be, with the place, what was expected and what was found.
  init(from cursor: inout FrameCursor) throws(WireError)
}
