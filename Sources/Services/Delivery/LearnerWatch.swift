// An actor's view of which shards have a learner.

internal import Foundations
internal import Wire

/// Asks all shards twice a second whether they have a learner (LEARNER?), and ranks them for one
/// writer (`replay.binding: own`).
///
/// A shard counts as one with a learner for `forgetAfter` after it last said so, so that no stream
/// moves when a learner restarts. A shard that has just been heard of is in neither state for as
/// long: no stream leaves it, and none moves to it.
struct LearnerWatch {
  private enum Standing {
    case unknown, with, without
  }

  private struct Shard {
    var id: PeerID
    var since: Instant
    /// When it last said that it has a learner, and that it has none.
    var lastWith: Instant?
    var lastWithout: Instant?
    var standing = Standing.unknown

    mutating func update(now: Instant) {
      let recent = now - LearnerWatch.forgetAfter
      if let lastWith, lastWith > recent {
        standing = .with
      } else {
        standing = lastWith == nil && since > recent ? .unknown : .without
      }
    }
  }

  static let askEvery = Instant.Span.milliseconds(500)
  /// At least two seconds after a shard has lost its learner.
  static let forgetAfter = Instant.Span.seconds(2.5)

  /// The number of the writer among all writers.
  private let place: Int
  /// In the order of their addresses.
  private var shards: [Shard] = []
  private(set) var nextAsk = Instant.zero
  private let scratch = FrameWriter(capacity: 64)

  init(place: Int) {
    self.place = place
  }

  mutating func setShards(_ ids: [PeerID], now: Instant) {
    shards = ids.map { id in shards.first { $0.id == id } ?? Shard(id: id, since: now) }
    nextAsk = min(nextAsk, now)
  }

  /// Asks all shards if it is due. True if the ranking may have changed.
  mutating func advance(to now: Instant, sink: some FrameSink) -> Bool {
    guard now >= nextAsk, !shards.isEmpty else { return false }
    nextAsk = now + Self.askEvery
    LearnerRequest.encode(into: scratch)
    for shard in shards { sink.send(scratch.bytes, to: shard.id) }
    return update(now: now)
  }

  /// Receives a shard's answer. True if the ranking may have changed; nil if the frame is none.
  mutating func receive(_ frame: UnsafeRawBufferPointer, from id: PeerID, now: Instant) -> Bool? {
    var cursor = FrameCursor(frame)
    guard (try? cursor.openMessage()) == .learner, let answer = try? Learner(from: &cursor) else {
      return nil
    }
    guard let index = shards.firstIndex(where: { $0.id == id }) else { return false }
    // A shard that takes any number of learners is as good as one with a learner.
    if answer.label != nil || !answer.isOwn {
      shards[index].lastWith = now
    } else {
      shards[index].lastWithout = now
    }
    return update(now: now)
  }

  private mutating func update(now: Instant) -> Bool {
    let before = shards.map(\.standing)
    for index in shards.indices { shards[index].update(now: now) }
    return shards.map(\.standing) != before
  }

  /// Whether a shard answers, and has had no learner for long.
  func isWithoutLearner(_ id: PeerID, now: Instant) -> Bool {
    guard let shard = shards.first(where: { $0.id == id }), case .without = shard.standing else {
      return false
    }
    return shard.lastWithout.map { now < $0 + Self.forgetAfter } ?? false
  }

  /// The shards, best first, for a writer whose streams are at `current`.
  ///
  /// Writer p of shards 0…M − 1 belongs to shard p mod M. Only if that has no learner, it goes to
  /// another, so that a learner's end moves no other shard's writers. Those that go are dealt out
  /// evenly, from the last shard to the first: the last shards are those without writers of their
  /// own if there are fewer writers than shards. So each shard with a learner has a writer if there
  /// are enough. If no shard has a learner, the writer stays.
  func ranking(from current: PeerID?) -> [PeerID] {
    guard !shards.isEmpty else { return [] }
    let home = place % shards.count
    let able = shards.indices.filter { index in
      switch shards[index].standing {
      case .with: true
      case .unknown: shards[index].id == current
      case .without: false
      }
    }
    let best: Int
    if able.contains(home) {
      best = home
    } else if able.isEmpty {
      best = shards.firstIndex { $0.id == current } ?? home
    } else {
      let unable = shards.count - able.count
      let number = (0..<home).count { !able.contains($0) }
      best = able[able.count - 1 - (place / shards.count * unable + number) % able.count]
    }
    // Streams wait at the current one until the best is ready, and never move to one between.
    let now = shards.firstIndex { $0.id == current }
    let rest = (0..<shards.count).map { (best + $0) % shards.count }.filter { $0 != best && $0 != now }
    let order =
      [best] + (now == best ? [] : now.map { [$0] } ?? []) + rest.filter(able.contains)
      + rest.filter { !able.contains($0) }
    return order.map { shards[$0].id }
  }
}
