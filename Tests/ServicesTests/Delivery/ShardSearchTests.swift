// A learner's search for a shard of its own.

import Experience
import Foundations
import Testing
import Wire

@testable import Services

@Suite struct ShardSearchTests {
  private static let shards = (1...3).map { PeerID(number: UInt64($0)) }

  private final class Harness {
    var search = ShardSearch(
      for: SamplerMachine.Configuration(
        id: Fixtures.id(1), label: "learner-1", table: Fixtures.table, batch: 4))
    let sink = ScriptedSink()

    init(place: Int? = 0, shards: [PeerID] = ShardSearchTests.shards) {
      search.setShards(shards, now: .at(0))
      if let place { search.begin(at: place, now: .at(0)) }
    }

    /// Shards that are said HELLO to.
    func advance(_ milliseconds: Double) -> [PeerID] {
      search.advance(to: .at(milliseconds), sink: sink)
      return sink.take().filter { $0.type == .hello }.map(\.peer)
    }

    func welcome(_ shard: PeerID, at milliseconds: Double) {
      receive(shard, at: milliseconds) {
        Welcome(
          incarnation: Fixtures.id(90), committed: 0, grant: Fixtures.grant(4), schema: nil,
          tables: [Fixtures.table]
        ).encode(into: $0)
      }
    }

    func confirm(_ shard: PeerID, isAsker: Bool = true, isOwn: Bool = true, at milliseconds: Double) {
      receive(shard, at: milliseconds) {
        Learner(isOwn: isOwn, label: "l", isAsker: isAsker).encode(into: $0)
      }
    }

    /// Shards that are asked whether this learner is theirs.
    func question(_ milliseconds: Double) -> [PeerID] {
      search.advance(to: .at(milliseconds), sink: sink)
      return sink.take().filter { $0.type == .learnerRequest }.map(\.peer)
    }

    func refuse(_ shard: PeerID, _ code: RefusalCode = .busy, at milliseconds: Double) {
      receive(shard, at: milliseconds) {
        Refusal(code: code, type: MessageType.hello.rawValue, reference: 0, text: "no").encode(into: $0)
      }
    }

    private func receive(_ shard: PeerID, at milliseconds: Double, _ encode: (FrameWriter) -> Void) {
      frame(encode).withUnsafeBytes {
        _ = search.receive($0, from: shard, now: .at(milliseconds), sink: sink)
      }
    }
  }

  /// Learner i asks shard i first, then the others in order, one at a time.
  @Test func itBeginsAtItsOwnShard() {
    let harness = Harness(place: 4)
    #expect(harness.advance(0) == [Self.shards[1]])
    #expect(harness.advance(1) == [], "one answer is awaited")
    harness.refuse(Self.shards[1], at: 2)
    #expect(harness.advance(2) == [Self.shards[2]])
    harness.refuse(Self.shards[2], at: 3)
    #expect(harness.advance(3) == [Self.shards[0]])
    harness.welcome(Self.shards[0], at: 4)
    #expect(harness.search.shard == Self.shards[0] && harness.search.number == 1)
    #expect(harness.search.takeNotices().map(\.text) == ["shard 1 of 3 is this learner's"])
  }

  @Test func withoutANumberOrShardsItWaits() {
    let harness = Harness(place: nil)
    #expect(harness.advance(5000) == [] && harness.search.nextDeadline == .never)
    harness.search.begin(at: 0, now: .at(5000))
    #expect(harness.advance(5000) == [Self.shards[0]])
    let empty = Harness(shards: [])
    #expect(empty.advance(0) == [] && empty.search.nextDeadline == .never)
    empty.search.setShards(Self.shards, now: .at(1))
    #expect(empty.advance(1) == [Self.shards[0]])
  }

  /// Without a free shard it asks once a second, and says so once. A new shard is asked at once.
  @Test func itWaitsForAFreeShard() {
    let harness = Harness()
    var hellos = 0
    for milliseconds in stride(from: 0, through: 10_000, by: 10) {
      while true {
        let asked = harness.advance(Double(milliseconds))
        guard let shard = asked.first else { break }
        hellos += asked.count
        #expect(harness.search.isFull == (milliseconds > 0), "it stays so from round to round")
        harness.refuse(shard, at: Double(milliseconds))
      }
    }
    #expect(hellos == 3 * 11)
    #expect(harness.search.isFull)
    #expect(
      harness.search.takeNotices().map(\.text) == [
        "replay.binding own: expected a free shard, found 3 with a learner; this learner waits; scale replay, or stop a learner"
      ])
    let more = Self.shards + [PeerID(number: 4)]
    harness.search.setShards(more, now: .at(10_001))
    var asked: [PeerID] = []
    for milliseconds in 10_001...10_010 {
      for shard in harness.advance(Double(milliseconds)) {
        asked.append(shard)
        if shard == more[3] {
          harness.welcome(shard, at: Double(milliseconds))
        } else {
          harness.refuse(shard, at: Double(milliseconds))
        }
      }
    }
    #expect(asked == more && harness.search.shard == more[3])
  }

  /// A silent shard is passed over; the learner's first one has more time at the start.
  @Test func silentShardsArePassedOver() {
    let harness = Harness()
    #expect(harness.advance(0) == [Self.shards[0]])
    #expect(harness.advance(1900) == [Self.shards[0]], "asked again")
    #expect(harness.advance(2000) == [Self.shards[1]])
    #expect(harness.advance(2299).isEmpty == false, "asked again")
    #expect(harness.advance(2300) == [Self.shards[2]])
    // The answer of a shard that was passed over counts; a later one is declined.
    harness.welcome(Self.shards[0], at: 2310)
    #expect(harness.search.shard == Self.shards[0])
    _ = harness.sink.take()
    harness.welcome(Self.shards[2], at: 2320)
    let sent = harness.sink.take()
    #expect(sent.map(\.type) == [.goodbye] && sent.map(\.peer) == [Self.shards[2]])
    #expect(harness.search.shard == Self.shards[0])
  }

  @Test func aShardIsKeptWhileItAnswers() {
    let harness = Harness()
    _ = harness.advance(0)
    harness.welcome(Self.shards[0], at: 1)
    #expect(harness.question(1) == [Self.shards[0]], "the welcome may be old")
    harness.confirm(Self.shards[0], at: 1)
    var last = 1.0
    for milliseconds in stride(from: 2.0, through: 20_000, by: 1) {
      for shard in harness.question(milliseconds) {
        #expect(shard == Self.shards[0] && milliseconds >= last + 499)
        last = milliseconds
        harness.confirm(shard, at: milliseconds)
      }
    }
    #expect(last > 19_000)
    // It stays silent: it is lost two seconds after the first question without an answer.
    var lostAt: Double?
    for milliseconds in stride(from: 20_001.0, through: 30_000, by: 1) where lostAt == nil {
      _ = harness.question(milliseconds)
      if harness.search.shard == nil { lostAt = milliseconds }
    }
    #expect((lostAt ?? 0) > last + 2000 && (lostAt ?? .infinity) < last + 2600)
  }

  /// A learner that was away for long, as in a long update, has not lost its shard by that.
  @Test func aLongUpdateLosesNothing() {
    let harness = Harness()
    _ = harness.advance(0)
    harness.welcome(Self.shards[0], at: 1)
    #expect(harness.question(1) == [Self.shards[0]])
    harness.confirm(Self.shards[0], at: 9000)
    _ = harness.advance(9000)
    #expect(harness.search.shard == Self.shards[0])
  }

  /// The shard was restarted, or has another learner now: it is asked first, then the others.
  @Test(arguments: [false, true]) func theShardDoesNotKnowIt(isRefused: Bool) {
    let harness = Harness(place: 1)
    _ = harness.advance(0)
    harness.refuse(Self.shards[1], at: 0)
    _ = harness.advance(0)
    harness.welcome(Self.shards[2], at: 1)
    _ = harness.advance(600)
    if isRefused {
      harness.refuse(Self.shards[2], at: 601)
    } else {
      harness.confirm(Self.shards[2], isAsker: false, at: 601)
    }
    #expect(harness.search.shard == nil)
    #expect(harness.advance(601) == [Self.shards[2]])
    harness.refuse(Self.shards[2], at: 602)
    #expect(harness.advance(602) == [Self.shards[0]])
  }

  /// Shards that learners share are no shards of one's own.
  @Test func aSharedShardIsAMismatch() {
    let harness = Harness()
    _ = harness.advance(0)
    harness.welcome(Self.shards[0], at: 1)
    harness.confirm(Self.shards[0], isAsker: false, isOwn: false, at: 2)
    #expect(harness.search.refusal?.text.hasPrefix("replay.binding: expected own") == true)
  }

  @Test func aShardIsTakenOffTheList() {
    let harness = Harness()
    _ = harness.advance(0)
    harness.welcome(Self.shards[0], at: 1)
    harness.search.setShards(Array(Self.shards[1...]), now: .at(2))
    #expect(harness.search.shard == nil && harness.advance(2) == [Self.shards[1]])
    harness.welcome(Self.shards[1], at: 3)
    harness.search.setShards(Self.shards, now: .at(4))
    #expect(harness.search.shard == Self.shards[1] && harness.search.number == 2, "it is kept")
  }

  @Test func whatCannotWorkEndsTheSearch() {
    let harness = Harness()
    _ = harness.advance(0)
    harness.refuse(Self.shards[0], .mismatch, at: 1)
    #expect(harness.search.refusal?.code == .mismatch)
    #expect(harness.advance(10_000) == [] && harness.search.nextDeadline == .never)
  }
}
