// Text on its way out of the program.

internal import Glibc

public enum StandardOutput {
  /// Writes all of it, however long the reader takes; false if nobody takes it any more.
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

  /// Writes at most what a ready pipe takes at once, and says how many bytes; nil if nobody takes it any more.
  static func piece(_ bytes: ArraySlice<UInt8>, to descriptor: Int32) -> Int? {
    let piece = bytes.prefix(Int(PIPE_BUF))
    let written = piece.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
    if written >= 0 { return written }
    return errno == EINTR || errno == EAGAIN ? 0 : nil
  }

  /// Whether a piece can be written without waiting for the reader.
  @discardableResult
  static func wait(for descriptor: Int32, milliseconds: Int32) -> Bool {
    var item = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    return poll(&item, 1, milliseconds) > 0
  }
}

/// Text for a reader who may be slow (a pager, a terminal that was stopped): who keeps processes must not wait for them.
public struct OutputQueue {
  /// What waits at most; beyond it text is left out and counted.
  private static let bytesMax = 1 << 20

  let descriptor: Int32
  private var waiting: ArraySlice<UInt8> = []
  private var leftOut = 0
  /// Nobody reads any more.
  private var isClosed = false

  public init(_ descriptor: Int32) {
    self.descriptor = descriptor
  }

  public var isEmpty: Bool { waiting.isEmpty }

  public mutating func write(_ text: String) {
    if isClosed { return }
    flush()
    if waiting.count + text.utf8.count > Self.bytesMax {
      leftOut += 1
    } else {
      if leftOut > 0, waiting.isEmpty {
        waiting += "(\(leftOut) messages were left out, as nobody read)\n".utf8
        leftOut = 0
      }
      waiting += text.utf8
    }
    flush()
  }

  /// Writes what the reader takes now.
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

  /// Writes everything, however long the reader takes.
  public mutating func finish() {
    while !waiting.isEmpty {
      StandardOutput.wait(for: descriptor, milliseconds: -1)
      flush()
    }
  }
}
