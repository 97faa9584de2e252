// Telling recorders what was accepted.

internal import Experience
public import Foundations
internal import ReplayStore
internal import Wire

/// What a shard publishes for recorders (TAP and ACCEPTED).
struct ReplayTap {
  /// The messages accepted so far, whether anybody listens or not: they number ACCEPTED.
  var accepted: UInt64 = 0
  /// ACCEPTED that were published.
  var published: UInt64 = 0
  var hasSubscribers = false
  var backlog: TapBacklog
  /// The last time that was published.
  var lastTime: Int64 = 0
  /// The largest priorities before the message that is being inserted, by table.
  var priorities: [Float] = []

  init(now: Instant) { backlog = TapBacklog(now: now) }

  /// Whether anybody wants the next message.
  var isListened: Bool { hasSubscribers || backlog.isKept }
}

extension ReplayMachine {
  /// Describes the shard to a new subscriber of the tap, and sends it the backlog.
  public mutating func tapWasSubscribed(now: Instant, sink: some FrameSink) {
    let kept = tap?.backlog.take() ?? []
    tap?.hasSubscribers = true
    describe(next: (tap?.accepted ?? 0) + 1 - UInt64(kept.count), now: now, sink: sink)
    for frame in kept {
      scratch.clear()
      frame.withUnsafeBytes { scratch.append($0) }
      sink.publish(frame: scratch)
      tap?.published += 1
    }
  }

  /// Records that the last subscriber of the tap has gone.
  public mutating func tapWasLeft() { tap?.hasSubscribers = false }

  /// Notes the largest priorities before a message is inserted.
  mutating func prepareTap() {
    guard tap?.isListened == true else { return }
    tap?.priorities.removeAll(keepingCapacity: true)
    for table in configuration.store.tables.indices {
      tap?.priorities.append(store.priorityMax(table: table))
    }
  }

  /// Publishes a message that was inserted.
  /// - Parameter content: the bytes of its chunks and items.
  mutating func publishAccepted(
    _ content: UnsafeRawBufferPointer, of handle: Int, now: Instant, sink: some FrameSink
  ) {
    guard tap != nil else { return }
    tap?.accepted += 1
    guard let tap, tap.isListened, let writer = writers[handle] else { return }
    if tap.accepted == 1, tap.hasSubscribers { describe(next: 1, now: now, sink: sink) }
    if tap.hasSubscribers, !sink.mayPublish(bytes: content.count) { return }
    let accepted = Accepted(
      number: tap.accepted, time: tapTime(now), writer: writer.name, label: writer.label,
      priorities: tap.priorities)
    accepted.encode(
      into: scratch, incarnation: incarnation, content: content)
    if tap.hasSubscribers {
      sink.publish(frame: scratch)
      self.tap?.published += 1
    } else {
      self.tap?.backlog.append(scratch.bytes, now: now)
    }
  }

  private mutating func describe(next: UInt64, now: Instant, sink: some FrameSink) {
    Tap(
      incarnation: incarnation, shard: configuration.shard, time: tapTime(now), next: next,
      schema: store.schema, tables: configuration.store.tables.map(\.schema),
      configuration: configuration.runConfiguration
    ).encode(into: scratch)
    sink.publish(frame: scratch)
  }

  /// Nanoseconds since 1970; never less than before.
  private mutating func tapTime(_ now: Instant) -> Int64 {
    let time = max(0, tap?.lastTime ?? 0, now.nanoseconds &+ configuration.wallClockAhead_ns)
    tap?.lastTime = time
    return time
  }
}
