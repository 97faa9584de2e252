// The events of a simulation, in order of time.

internal import Foundations

/// Something that happens at its time.
enum Event {
  /// A frame arrives at a service, or at a client.
  case up(Connection, [UInt8])
  case down(Connection, [UInt8])
  /// A subscriber's own topic arrives at the publisher.
  case subscription(Connection)
  /// A client tries to reach a service.
  case connect(node: Int, service: ServiceID)
  /// A node's deadline.
  case wake(node: Int)
  case restart(node: Int)
  case fault
}

/// A heap by time; events of the same time keep the order in which they were added.
struct EventQueue {
  private struct Entry {
    var at: Instant
    var order: UInt64
    var event: Event

    func isBefore(_ other: Entry) -> Bool { at == other.at ? order < other.order : at < other.at }
  }

  private var entries: [Entry] = []
  private var added: UInt64 = 0

  var next: Instant { entries.first?.at ?? .never }

  mutating func add(_ event: Event, at time: Instant) {
    entries.append(Entry(at: time, order: added, event: event))
    added += 1
    var index = entries.count - 1
    while index > 0, entries[index].isBefore(entries[(index - 1) / 2]) {
      entries.swapAt(index, (index - 1) / 2)
      index = (index - 1) / 2
    }
  }

  mutating func removeFirst() -> (at: Instant, event: Event)? {
    guard let first = entries.first else { return nil }
    let last = entries.removeLast()
    if !entries.isEmpty {
      entries[0] = last
      sink()
    }
    return (first.at, first.event)
  }

  private mutating func sink() {
    var index = 0
    while true {
      var least = index
      for child in [2 * index + 1, 2 * index + 2] where child < entries.count {
        if entries[child].isBefore(entries[least]) { least = child }
      }
      if least == index { return }
      entries.swapAt(index, least)
      index = least
    }
  }
}
