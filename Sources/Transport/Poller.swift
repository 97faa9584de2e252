// Sleeps until a socket, a descriptor or a deadline needs attention.

internal import CZeroMQ
public import Foundations

/// The sockets and file descriptors that a service waits for, each under the index that `add`
/// returned.
///
/// Belongs to the thread that owns the sockets, which must outlive it.
public struct Poller: ~Copyable {
  private var items: [zmq_pollitem_t] = []

  public init() {}

  /// Adds a socket to wait for; returns its index.
  @discardableResult
  public mutating func add(_ socket: borrowing Socket) -> Int {
    items.append(zmq_pollitem_t(socket: socket.pointer, fd: 0, events: Int16(ZMQ_POLLIN), revents: 0))
    return items.count - 1
  }

  /// Adds a file descriptor to wait for; returns its index.
  @discardableResult
  public mutating func add(descriptor: Int32) -> Int {
    items.append(zmq_pollitem_t(socket: nil, fd: descriptor, events: Int16(ZMQ_POLLIN), revents: 0))
    return items.count - 1
  }

  /// Sockets and descriptors; indices are below.
  public var count: Int { items.count }

  /// Removes those that were added after the first `count`.
  public mutating func removeAll(after count: Int) { items.removeSubrange(count...) }

  /// Waits until one is readable or `deadline` has come, at most an hour. A deadline in the past
  /// only looks.
  /// - Parameter ignored: indices that do not end this wait.
  public mutating func wait(until deadline: Instant, now: Instant, except ignored: [Int] = []) {
    let left = (deadline.nanoseconds > now.nanoseconds) ? deadline - now : .zero
    // Rounded up to the next millisecond: rounding down would spin through the last one.
    let milliseconds = min(
      3_600_000, (left.nanoseconds / 1_000_000) + (left.nanoseconds % 1_000_000 > 0 ? 1 : 0))
    for index in items.indices {
      items[index].events = ignored.contains(index) ? 0 : Int16(ZMQ_POLLIN)
      items[index].revents = 0
    }
    _ = zmq_poll(&items, Int32(items.count), Int(milliseconds))
  }

  /// Whether the last wait found it readable.
  public func isReadable(_ index: Int) -> Bool {
    items[index].revents & Int16(ZMQ_POLLIN) != 0
  }
}
