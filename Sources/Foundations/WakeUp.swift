// Wakes a thread that sleeps in a poll.

internal import Glibc

/// A pipe. Its owner polls the reading end; any thread makes it readable, and the owner clears it.
public final class WakeUp: Sendable {
  /// Readable after `signal`, until `clear`.
  public let descriptor: Int32
  private let writer: Int32

  /// - Throws: `SystemCallError` if the system has no descriptors left.
  public init() throws(SystemCallError) {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw .last("make a pipe") }
    for end in ends {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
    }
    (descriptor, writer) = (ends[0], ends[1])
  }

  deinit {
    close(descriptor)
    close(writer)
  }

  /// Makes the descriptor readable. Never waits; any thread may call it.
  public func signal() {
    // A full pipe is readable already.
    var byte: UInt8 = 1
    _ = write(writer, &byte, 1)
  }

  /// Makes the descriptor unreadable until the next `signal`.
  public func clear() {
    var bytes = [UInt8](repeating: 0, count: 256)
    while read(descriptor, &bytes, bytes.count) == bytes.count {}
  }
}
