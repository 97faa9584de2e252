// Writes text to standard output and standard error.

internal import Glibc

/// Writes to a descriptor.
public enum StandardOutput {
  /// Writes the whole text and waits for the reader; false if the reader has closed the descriptor.
  @discardableResult
  public static func write(_ text: String, to descriptor: Int32 = 1) -> Bool {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      guard let written = piece(rest, to: descriptor) else { return false }
      if written == 0 { wait(for: descriptor, milliseconds: -1) }
      rest = rest.dropFirst(written)
    }
    return true
  }

  /// Writes at most the bytes that a ready pipe accepts without blocking. Returns their number; nil
  /// if the reader has closed the descriptor.
  static func piece(_ bytes: ArraySlice<UInt8>, to descriptor: Int32) -> Int? {
    let piece = bytes.prefix(Int(PIPE_BUF))
    let written = piece.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
    if written >= 0 { return written }
    return errno == EINTR || errno == EAGAIN ? 0 : nil
  }

  /// Waits until a piece can be written without blocking, or the time is over; -1 waits without
  /// end.
  @discardableResult
  static func wait(for descriptor: Int32, milliseconds: Int32) -> Bool {
    var item = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    return poll(&item, 1, milliseconds) > 0
  }
}

/// Text for a reader that may be slow (a pager, a stopped terminal). Writing never blocks, so that
/// a launcher goes on supervising.
public struct OutputQueue {
  /// Most bytes that wait; further text is dropped and counted.
  private static let bytesMax = 1 << 20

  let descriptor: Int32
  private var waiting: ArraySlice<UInt8> = []
  private var dropped = 0
  /// Whether the reader has closed the descriptor.
  private var isClosed = false

  public init(_ descriptor: Int32) {
    self.descriptor = descriptor
  }

  /// Whether no text waits for the reader.
  public var isEmpty: Bool { waiting.isEmpty }

  /// Queues a text, or drops it while more than 1 MiB would wait, and writes what the reader
  /// accepts.
  public mutating func write(_ text: String) {
    if isClosed { return }
    flush()
    if waiting.count + text.utf8.count > Self.bytesMax {
      dropped += 1
    } else {
      if dropped > 0, waiting.isEmpty {
        waiting += "(\(dropped) messages were dropped, as the output was not read)\n".utf8
        dropped = 0
      }
      waiting += text.utf8
    }
    flush()
  }

  /// Writes what the reader accepts without blocking.
  public mutating func flush() {
    while !waiting.isEmpty, StandardOutput.wait(for: descriptor, milliseconds: 0) {
      guard let written = StandardOutput.piece(waiting, to: descriptor) else {
        isClosed = true
        waiting = []
        return
      }
      if written == 0 { return }
      waiting = waiting.dropFirst(written)
    }
  }

  /// Writes everything and waits for the reader.
  public mutating func finish() {
    while !waiting.isEmpty {
      StandardOutput.wait(for: descriptor, milliseconds: -1)
      flush()
    }
  }
}
