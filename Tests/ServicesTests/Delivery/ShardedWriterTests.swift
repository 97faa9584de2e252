// Which shard an actor's streams go to, and what a move costs.

import Experience
import Foundations
import Testing
import Wire

@testable import Services

@Suite struct ShardedWriterTests {
  static let shards = (1...4).map { PeerID(number: UInt64($0)) }

  final class Harness {
    var writer: ShardedWriter
    let sink = ScriptedSink()

    init(_ id: UInt64 = 1, shards: [PeerID] = ShardedWriterTests.shards) {
      var configuration = WriterMachine.Configuration(
        id: Fixtures.id(id), label: "w", schema: Fixtures.schema, tables: [Fixtures.table])
      configuration.inFlight = 2
      writer = ShardedWriter(
        configuration: ShardedWriter.Configuration(writer: configuration),
        generator: SeededGenerator(seed: id))
      list(shards)
    }

    func list(_ shards: [PeerID], at milliseconds: Double = 0) {
      writer.setShards(shards, now: .at(milliseconds), sink: sink)
    }

    func advance(_ milliseconds: Double) -> [Sent] {
      writer.advance(to: .at(milliseconds), sink: sink)
      return sink.take()
    }

    /// Sends a message; false if blocked.
    func write(at milliseconds: Double) -> Bool {
      guard let frame = writer.beginFrame(chunks: 0) else { return false }
      Insert.items(frame, [])
      writer.commitFrame(now: .at(milliseconds), sink: sink)
      return true
    }

    func welcome(_ shard: PeerID, committed: UInt64 = 0, at milliseconds: Double) {
      receive(shard, at: milliseconds) {
        Welcome(
          incarnation: Fixtures.id(90), committed: committed, grant: Fixtures.grant(64),
          schema: Fixtures.schema,
          tables: [Fixtures.table]
        ).encode(into: $0)
      }
    }

    func acknowledge(_ shard: PeerID, _ committed: UInt64, at milliseconds: Double) {
      receive(shard, at: milliseconds) { Acknowledgement(committed: committed, gap: false).encode(into: $0) }
    }

    private func receive(_ shard: PeerID, at milliseconds: Double, _ encode: (FrameWriter) -> Void) {
      frame(encode).withUnsafeBytes { writer.receive($0, from: shard, now: .at(milliseconds), sink: sink) }
    }
  }

  /// Writers spread evenly over shards. Only those of a removed shard move, to all others.
  @Test func writersSpread() throws {
    let homes = (0..<2000).map { Harness($0).writer.shard }
    for shard in Self.shards {
      // A binomial count: 6 standard deviations.
      #expect(abs(homes.count { $0 == shard } - 500) < 120)
    }
    let three = Array(Self.shards.dropFirst())
    let left = (0..<2000).map { Harness($0, shards: three).writer.shard }
    for (before, after) in zip(homes, left) where before != Self.shards[0] { #expect(before == after) }
    let moved = zip(homes, left).filter { $0.0 == Self.shards[0] }.map(\.1)
    for shard in three { #expect(moved.count { $0 == shard } > 100) }
  }

  @Test func theOrderOfAddressesDoesNotMatter() {
    #expect(Harness(5).writer.shard == Harness(5, shards: Self.shards.reversed()).writer.shard)
  }

  /// A silent shard loses the streams, and what it did not acknowledge is dropped. When it is back,
  /// the streams return.
  @Test func aShardStaysAway() throws {
    let harness = Harness()
    let home = try #require(harness.writer.shard)
    #expect(harness.advance(0).compactMap(\.hello).count == 1)
    harness.welcome(home, at: 1)
    #expect(harness.write(at: 2) && harness.write(at: 2))
    #expect(harness.writer.isBlocked)
    _ = harness.advance(9000)
    #expect(harness.writer.shard == home && harness.writer.counters.messagesDropped == 0)
    _ = harness.advance(10_100)
    let next = try #require(harness.writer.shard)
    #expect(next != home && harness.writer.moves == 1)
    #expect(harness.writer.counters.messagesDropped == 2 && harness.writer.cutEpoch > 0)
    // Both are tried; a new writer begins at 1.
    let hellos = harness.advance(10_400).compactMap { sent in sent.hello.map { (sent.peer, $0) } }
    #expect(Set(hellos.map(\.0)) == [home, next])
    #expect(hellos.first { $0.0 == next }?.1.nextSequence == 1)
    #expect(hellos.first { $0.0 == home }?.1.nextSequence == 3, "what was dropped never comes")
    #expect(Set(hellos.map(\.1.id)).count == 2)
    harness.welcome(next, at: 10_401)
    #expect(harness.write(at: 10_402))
    // It is back: first everything sent must be acknowledged.
    let epoch = harness.writer.cutEpoch
    harness.welcome(home, committed: 2, at: 10_500)
    #expect(harness.writer.shard == next && !harness.write(at: 10_501))
    harness.acknowledge(next, 1, at: 10_600)
    #expect(harness.writer.shard == home && harness.writer.cutEpoch == epoch + 1)
    #expect(
      harness.write(at: 10_601) && harness.sink.take().contains { $0.peer == home && $0.insertSequence == 3 })
    #expect(harness.writer.counters.messagesDropped == 2 && harness.writer.counters.messagesCommitted == 1)
  }

  /// A better shard joins: nothing is dropped.
  @Test func aBetterShardJoins() throws {
    let best = try #require(Harness(7).writer.shard)
    let harness = Harness(7, shards: Self.shards.filter { $0 != best })
    let second = try #require(harness.writer.shard)
    _ = harness.advance(0)
    harness.welcome(second, at: 1)
    #expect(harness.write(at: 2))
    harness.list(Self.shards, at: 3)
    #expect(harness.writer.shard == second && harness.write(at: 3), "it is not there yet")
    #expect(harness.advance(4).contains { $0.peer == best && $0.hello != nil })
    harness.welcome(best, at: 5)
    harness.acknowledge(second, 1, at: 6)
    #expect(harness.writer.isBlocked && harness.writer.shard == second)
    harness.acknowledge(second, 2, at: 7)
    #expect(harness.writer.shard == best && harness.writer.moves == 1 && harness.writer.cutEpoch == 1)
    #expect(harness.writer.counters.messagesCommitted == 2 && harness.writer.counters.messagesDropped == 0)
  }

  /// A removed shard is left at once, with GOODBYE; when it returns it meets another writer.
  @Test func aShardIsTakenOffTheList() throws {
    let harness = Harness(3)
    let home = try #require(harness.writer.shard)
    let id = harness.writer.writerID
    _ = harness.advance(0)
    harness.welcome(home, at: 1)
    #expect(harness.write(at: 2))
    _ = harness.sink.take()
    harness.list(Self.shards.filter { $0 != home }, at: 3)
    #expect(harness.sink.take().contains { $0.peer == home && $0.type == .goodbye })
    #expect(harness.writer.shard != home && harness.writer.cutEpoch == 1)
    #expect(harness.writer.counters.messagesDropped == 1 && harness.writer.unacknowledged == 0)
    harness.list([], at: 4)
    #expect(harness.writer.shard == nil && harness.writer.isBlocked && !harness.write(at: 4))
    harness.list([home], at: 5)
    #expect(harness.writer.shard == home && harness.writer.writerID != id && harness.writer.cutEpoch >= 2)
    #expect(harness.advance(5).compactMap(\.hello).map(\.nextSequence) == [1])
  }

  /// A single shard is waited for as long as without sharding.
  @Test func aSingleShard() throws {
    let harness = Harness(3, shards: [Self.shards[0]])
    _ = harness.advance(0)
    harness.welcome(Self.shards[0], at: 1)
    #expect(harness.write(at: 2))
    _ = harness.advance(15_000)
    #expect(harness.writer.counters.messagesDropped == 0)
    _ = harness.advance(31_000)
    #expect(
      harness.writer.counters.messagesDropped == 1 && harness.writer.moves == 0
        && harness.writer.cutEpoch == 1)
  }
}
