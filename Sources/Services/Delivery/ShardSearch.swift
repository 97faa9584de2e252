// A learner's search for a shard of its own.

internal import Experience
internal import Foundations
internal import Wire

/// Finds a free shard for a learner and keeps it (`replay.binding: own`).
///
/// Each shard decides who its learner is: it welcomes one, and answers `busy` to the others. The
/// search asks one shard after the other, first the one of the learner's number. So at most one
/// shard is taken. A shard is kept for as long as it answers that it has this learner: the search
/// asks LEARNER? twice a second, which also tells the shard that its learner lives. (A repeated
/// HELLO would make a restarted shard accept priorities of the items that it had before.) If no
/// shard is free, all are asked again after a second, or at once when others are listed.
struct ShardSearch {
  /// How long the search waits for shards.
  struct Configuration {
    /// Time between the starts of two rounds over all shards.
    var roundEvery = Instant.Span.seconds(1)
    /// A shard that does not answer for this long is passed over.
    var answerWithin = Instant.Span.milliseconds(300)
    /// The same for the learner's first shard in the first round: all processes may have just
    /// started.
    var firstAnswerWithin = Instant.Span.seconds(2)
    /// Time between two questions to the shard that is held. A shard is free again after the
    /// silence of four.
    var confirmEvery = Instant.Span.milliseconds(500)
    /// Questions without an answer for this long lose the shard.
    var goneAfter = Instant.Span.seconds(2)
    /// Waiting for this long is worth a line in the log. A shard whose learner was killed is free
    /// earlier.
    var noticeAfter = Instant.Span.seconds(4)

    init() {}
  }

  private enum State {
    /// Nothing is asked before a time.
    case waiting(until: Instant)
    /// The shard at `rank` of the round's order is asked since a time, and again at `next`.
    case asking(rank: Int, since: Instant, next: Instant)
    /// The shard is asked again at `next`; it owes an answer since a time, or none.
    case holding(PeerID, next: Instant, owesSince: Instant?)
  }

  let configuration: Configuration
  private let hello: Hello
  private let question: [UInt8]
  private var state = State.waiting(until: .never)
  private var shards: [PeerID] = []
  /// The place of the shard that is asked first; nil before the learner knows its number.
  private var place: Int?
  /// The shards in the order in which they are asked.
  private var order: [PeerID] = []
  private var roundStartedAt = Instant.zero
  private var isFirstRound = true
  /// Shards of this round that have answered that they have a learner.
  private var busy = 0
  /// In the last whole round all shards have answered that they have a learner.
  private(set) var isFull = false
  /// Since when the learner has had no shard; nil while it has one.
  private var withoutSince: Instant?
  private var hasSaidWaiting = false
  private var notices: [LearnerNotice] = []
  private let scratch = FrameWriter(capacity: 512)
  /// Why a shard refuses this learner for good, if one does.
  private(set) var refusal: Refusal?

  /// - Parameter sampler: names the learner and its table.
  init(_ configuration: Configuration = Configuration(), for sampler: SamplerMachine.Configuration) {
    self.configuration = configuration
    hello = Hello(
      role: .sampler, id: sampler.id, label: sampler.label, nextSequence: 0, schema: nil,
      tables: [sampler.table])
    LearnerRequest.encode(into: scratch)
    question = scratch.array()
  }

  /// The shard that is held; nil while none is.
  var shard: PeerID? { if case .holding(let shard, _, _) = state { shard } else { nil } }
  /// The place of that shard in the list, from 1; 0 without one.
  var number: Int { (shard.flatMap { shards.firstIndex(of: $0) } ?? -1) + 1 }

  /// Lines for the log since the last call.
  mutating func takeNotices() -> [LearnerNotice] {
    defer { notices.removeAll() }
    return notices
  }
}

extension ShardSearch {
  /// Sets the number of the learner, which says where it begins. Later numbers change nothing.
  mutating func begin(at place: Int, now: Instant) {
    guard self.place == nil else { return }
    self.place = place
    withoutSince = now
    beginRound(now: now)
  }

  /// Sets the shards that there are now. A shard that is held is kept if it is among them.
  mutating func setShards(_ shards: [PeerID], now: Instant) {
    guard shards != self.shards else { return }
    self.shards = shards
    guard place != nil else { return }
    if let shard {
      if !shards.contains(shard) { lose(shard, now: now) }
    } else {
      beginRound(now: now)
    }
  }

  /// Receives a frame of any shard; only answers to HELLO and LEARNER? concern the search. True
  /// for a frame that concerns nothing else.
  mutating func receive(
    _ frame: UnsafeRawBufferPointer, from shard: PeerID, now: Instant, sink: some FrameSink
  ) -> Bool {
    var cursor = FrameCursor(frame)
    switch try? cursor.openMessage() {
    case .welcome: welcome(by: shard, now: now, sink: sink)
    case .refusal:
      guard let refusal = try? Refusal(from: &cursor), refusal.type == MessageType.hello.rawValue else {
        return false
      }
      refuse(refusal, by: shard, now: now)
    case .learner:
      guard let answer = try? Learner(from: &cursor) else { return false }
      confirm(answer, by: shard, now: now)
      return true
    default: break
    }
    return false
  }

  /// Does what is due by time. Call it at `nextDeadline` or earlier.
  mutating func advance(to now: Instant, sink: some FrameSink) {
    guard refusal == nil, place != nil, !shards.isEmpty else { return }
    switch state {
    case .waiting(let until): if now >= until { beginRound(now: now) }
    case .asking(let rank, let since, _): if now >= since + patience(rank) { ask(rank + 1, now: now) }
    case .holding(let shard, _, let owesSince):
      if let owesSince, now >= owesSince + configuration.goneAfter { lose(shard, now: now) }
    }
    greet(now: now, sink: sink)
  }

  /// When `advance` is due at the latest.
  var nextDeadline: Instant {
    guard refusal == nil, place != nil, !shards.isEmpty else { return .never }
    switch state {
    case .waiting(let until): return until
    case .asking(let rank, let since, let next): return min(next, since + patience(rank))
    case .holding(_, let next, let owesSince):
      return min(next, owesSince.map { $0 + configuration.goneAfter } ?? .never)
    }
  }

  /// Says GOODBYE to a shard that is asked, and may have welcomed this learner.
  func leave(sink: some FrameSink) {
    if case .asking(let rank, _, _) = state { sayGoodbye(to: order[rank], sink: sink) }
  }
}

extension ShardSearch {
  /// - Parameter former: the shard that is asked first, not the one of the learner's number.
  private mutating func beginRound(former: PeerID? = nil, now: Instant) {
    let own = shards.isEmpty ? 0 : (place ?? 0) % shards.count
    let first = former.flatMap { shards.firstIndex(of: $0) } ?? own
    order = Array(shards[first...] + shards[..<first])
    busy = 0
    roundStartedAt = now
    ask(0, now: now)
  }

  /// Asks the shard at a rank of the order next; after the last, waits for the next round.
  private mutating func ask(_ rank: Int, now: Instant) {
    guard rank < order.count else {
      isFirstRound = false
      isFull = !order.isEmpty && busy == order.count
      state = .waiting(until: order.isEmpty ? .never : roundStartedAt + configuration.roundEvery)
      return sayWaiting(now: now)
    }
    state = .asking(rank: rank, since: now, next: now)
  }

  private func patience(_ rank: Int) -> Instant.Span {
    isFirstRound && rank == 0 ? configuration.firstAnswerWithin : configuration.answerWithin
  }

  /// Says HELLO, or asks LEARNER?, if it is due.
  private mutating func greet(now: Instant, sink: some FrameSink) {
    switch state {
    case .waiting: break
    case .asking(let rank, let since, let next):
      guard now >= next else { return }
      let isSent = send(hello, to: order[rank], sink: sink)
      // Not connected yet: at a start that takes milliseconds.
      state = .asking(rank: rank, since: since, next: now + .milliseconds(isSent ? 250 : 20))
    case .holding(let shard, let next, let owesSince):
      guard now >= next else { return }
      question.withUnsafeBytes { _ = sink.send($0, to: shard) }
      state = .holding(shard, next: now + configuration.confirmEvery, owesSince: owesSince ?? now)
    }
  }

  private mutating func welcome(by shard: PeerID, now: Instant, sink: some FrameSink) {
    guard refusal == nil, place != nil, shards.contains(shard) else { return }
    switch state {
    case .holding(shard, let next, _): state = .holding(shard, next: next, owesSince: nil)
    // The answer of a shard that was passed over.
    case .holding: sayGoodbye(to: shard, sink: sink)
    case .asking, .waiting: hold(shard, now: now)
    }
  }

  /// The welcome may be old: the shard is asked at once whether it holds.
  private mutating func hold(_ shard: PeerID, now: Instant) {
    state = .holding(shard, next: now, owesSince: nil)
    isFirstRound = false
    isFull = false
    withoutSince = nil
    hasSaidWaiting = false
    say(.info, "shard \(number) of \(shards.count) is this learner's")
  }

  private mutating func confirm(_ answer: Learner, by shard: PeerID, now: Instant) {
    guard case .holding(shard, let next, _) = state else { return }
    guard answer.isOwn else {
      refusal = Refusal(
        code: .mismatch, type: MessageType.learner.rawValue, reference: 0,
        text:
          "replay.binding: expected own, as this learner has it, found shared at the shard; start both from one configuration"
      )
      return
    }
    // Otherwise it was restarted, has another learner, or the connection is a new one.
    if answer.isAsker { state = .holding(shard, next: next, owesSince: nil) } else { lose(shard, now: now) }
  }

  private mutating func refuse(_ refusal: Refusal, by shard: PeerID, now: Instant) {
    switch refusal.code {
    case .unknownPeer: break
    case .busy:
      switch state {
      case .holding(shard, _, _): lose(shard, now: now)
      case .asking(let rank, _, _) where order[rank] == shard:
        busy += 1
        ask(rank + 1, now: now)
      case .holding, .asking, .waiting: break
      }
    case .malformed, .mismatch, .invalid, .unsupported: self.refusal = refusal
    }
  }

  private mutating func lose(_ shard: PeerID, now: Instant) {
    say(
      .info,
      "\(number == 0 ? "a removed shard" : "shard \(number)") is not this learner's any more; looking for one"
    )
    withoutSince = now
    beginRound(former: shard, now: now)
  }

  private mutating func sayWaiting(now: Instant) {
    guard !order.isEmpty, !hasSaidWaiting, let withoutSince, now >= withoutSince + configuration.noticeAfter
    else { return }
    hasSaidWaiting = true
    let found =
      isFull
      ? "\(order.count) with a learner" : "\(busy) with a learner and \(order.count - busy) without an answer"
    say(
      .warning,
      "replay.binding own: expected a free shard, found \(found); this learner waits; scale replay, or stop a learner"
    )
  }

  private mutating func say(_ level: LearnerNotice.Level, _ text: String) {
    notices.append(LearnerNotice(level: level, text: text))
  }

  private func sayGoodbye(to shard: PeerID, sink: some FrameSink) {
    send(Goodbye(id: hello.id), to: shard, sink: sink)
  }

  @discardableResult
  private func send(_ message: some ValueMessage, to shard: PeerID, sink: some FrameSink) -> Bool {
    message.encode(into: scratch)
    return sink.send(scratch.bytes, to: shard)
  }
}
