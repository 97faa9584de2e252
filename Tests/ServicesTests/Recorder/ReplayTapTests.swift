// What a shard publishes for recorders.

import Experience
import Foundations
import ReplayStore
import Testing
import Wire

@testable import Services

/// A published message, read.
struct PublishedMessage: Equatable {
  var incarnation: Identifier
  var message: Accepted
  /// The bytes of its chunks and items.
  var content: [UInt8]
}

extension Sent {
  var tap: Tap? { type == .tap ? read { try Tap(from: &$0) } : nil }

  var accepted: PublishedMessage? {
    guard type == .accepted else { return nil }
    return read { cursor in
      let incarnation = try cursor.identifier("the incarnation")
      let message = try Accepted(elementsFrom: &cursor)
      return PublishedMessage(
        incarnation: incarnation, message: message, content: Array(cursor.bytes[cursor.offset...]))
    }
  }

  /// The bytes of the chunks and items of an INSERT.
  static func content(_ insert: [UInt8]) -> [UInt8]? {
    Sent(bytes: insert, peer: .service).read { cursor in
      _ = try Insert.sequence(from: &cursor)
      return Array(cursor.bytes[cursor.offset...])
    }
  }
}

@Suite struct ReplayTapTests {
  private func harness(_ store: ReplayStoreConfiguration = Fixtures.store()) throws -> ReplayHarness {
    try ReplayHarness(store: store) {
      $0.isTapped = true
      $0.shard = 3
      $0.wallClockAhead_ns = 1_000_000_000_000
      $0.runConfiguration = "seed: 5\n"
    }
  }

  @Test func acceptedMessagesArePublishedInOrder() throws {
    var replay = try harness()
    replay.machine.tapWasSubscribed(now: .at(0), sink: replay.sink)
    let first = try #require(replay.sink.takePublications().first?.tap)
    #expect(first.schema == nil && first.next == 1 && first.shard == 3 && first.configuration == "seed: 5\n")
    #expect(first.incarnation == Fixtures.id(99) && first.tables == [Fixtures.table])

    _ = replay.receive(Fixtures.hello(1), from: 1)
    _ = replay.receive(Fixtures.hello(2), from: 2)
    let inserts = [
      Fixtures.insert(1, first: 0), Fixtures.insert(1, first: 0, rows: 2), Fixtures.insert(2, first: 3),
    ]
    _ = replay.receive(inserts[0], from: 1, at: 10)
    _ = replay.receive(inserts[1], from: 2, at: 20)
    _ = replay.receive(inserts[1], from: 2, at: 30)
    _ = replay.receive(inserts[2], from: 1, at: 40)
    let published = replay.sink.takePublications()
    #expect(published.first?.tap?.schema == Fixtures.schema, "the schema is told before the first message")
    let messages = published.compactMap(\.accepted)
    #expect(messages.count == 3 && published.count == 4, "what is repeated is not accepted again")
    #expect(messages.map(\.message.number) == [1, 2, 3])
    #expect(messages.map(\.content) == inserts.map { Sent.content($0) ?? [] })
    #expect(messages.map(\.message.writer) == [1, 2, 1].map { Fixtures.id($0).publicName })
    #expect(messages.allSatisfy { $0.message.label == "w" && $0.incarnation == Fixtures.id(99) })
    let origin = 1_000_000_000_000 + Instant.at(0).nanoseconds
    #expect(messages.map { ($0.message.time - origin) / 1_000_000 } == [10, 20, 40])
  }

  @Test func theLargestPriorityBeforeAMessageIsTold() throws {
    var store = Fixtures.store()
    store.tables[0].sampler = .prioritized(exponent: 1)
    var replay = try harness(store)
    replay.machine.tapWasSubscribed(now: .at(0), sink: replay.sink)
    _ = replay.receive(Fixtures.hello(1), from: 1)
    _ = replay.receive(Fixtures.samplerHello(2), from: 2)
    _ = replay.receive(Fixtures.insert(1, first: 0), from: 1)
    let update = frame { writer in
      [UInt64(0)].withUnsafeBytes { keys in
        [Float(7)].withUnsafeBytes { values in
          PriorityUpdate(table: 0, keys: keys, priorities: values).encode(into: writer)
        }
      }
    }
    _ = replay.receive(update, from: 2)
    _ = replay.receive(Fixtures.insert(2, first: 3), from: 1)
    #expect(replay.sink.takePublications().compactMap(\.accepted?.message.priorities) == [[1], [7]])
  }

  @Test func aBlockedMessageIsPublishedOnceItIsIn() throws {
    let limiter = RateLimiterConfiguration(samplesPerInsert: 1, minSize: 1, errorMin: -8, errorMax: 8)
    var replay = try harness(Fixtures.store(limiter: limiter))
    replay.machine.tapWasSubscribed(now: .at(0), sink: replay.sink)
    _ = replay.receive(Fixtures.hello(1), from: 1)
    _ = replay.receive(Fixtures.samplerHello(3), from: 3)
    _ = replay.receive(Fixtures.insert(1, first: 0, rows: 8), from: 1)
    let blocked = Fixtures.insert(2, first: 8, rows: 7)
    _ = replay.receive(blocked, from: 1)
    #expect(replay.sink.takePublications().compactMap(\.accepted?.message.number) == [1])
    _ = replay.receive(Fixtures.request(1, count: 8), from: 3, at: 500)
    let message = try #require(replay.sink.takePublications().compactMap(\.accepted).first)
    #expect(message.message.number == 2 && message.content == Sent.content(blocked))
  }

  @Test func theFirstRecorderGetsWhatCameBeforeIt() throws {
    var replay = try harness()
    _ = replay.receive(Fixtures.hello(1), from: 1)
    for sequence in 1...3 {
      _ = replay.receive(Fixtures.insert(UInt64(sequence), first: UInt64(sequence - 1) * 3), from: 1)
    }
    #expect(replay.sink.takePublications().isEmpty)
    replay.machine.tapWasSubscribed(now: .at(100), sink: replay.sink)
    let published = replay.sink.takePublications()
    #expect(published.first?.tap?.next == 1)
    #expect(published.compactMap(\.accepted?.message.number) == [1, 2, 3])
    replay.machine.tapWasLeft()
    _ = replay.receive(Fixtures.insert(4, first: 9), from: 1)
    replay.machine.tapWasSubscribed(now: .at(100), sink: replay.sink)
    let again = replay.sink.takePublications()
    #expect(again.count == 1 && again.first?.tap?.next == 5, "nothing is kept for a second recorder")
  }

  @Test func nothingIsKeptForLong() throws {
    var replay = try harness()
    _ = replay.receive(Fixtures.hello(1), from: 1)
    _ = replay.receive(Fixtures.insert(1, first: 0), from: 1)
    let late = TapBacklog.keptFor.milliseconds + 1
    _ = replay.receive(Fixtures.insert(2, first: 3), from: 1, at: late)
    replay.machine.tapWasSubscribed(now: .at(late), sink: replay.sink)
    let published = replay.sink.takePublications()
    #expect(published.count == 1 && published.first?.tap?.next == 3)
  }

  @Test func aReplayWithoutATapPublishesNothing() throws {
    var replay = try ReplayHarness()
    _ = replay.receive(Fixtures.hello(1), from: 1)
    _ = replay.receive(Fixtures.insert(1, first: 0), from: 1)
    #expect(replay.sink.takePublications().isEmpty)
  }
}
