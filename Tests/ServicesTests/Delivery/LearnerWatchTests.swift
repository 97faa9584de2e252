// Where an actor's streams go if each shard has a learner of its own.

import Experience
import Foundations
import Testing
import Wire

@testable import Services

@Suite struct LearnerWatchTests {
  private static let shards = (1...3).map { PeerID(number: UInt64($0)) }

  /// A writer, and shards that answer it at once.
  private final class Harness {
    var writer: ShardedWriter
    let sink = ScriptedSink()
    /// Shards that have a learner, and those that answer nothing at all.
    var withLearner: Set<PeerID> = []
    var silent: Set<PeerID> = []
    /// Shards that acknowledge nothing, because no learner samples.
    var blocked: Set<PeerID> = []
    /// The next sequence of the last HELLO to each shard.
    private(set) var nextSequences: [PeerID: UInt64] = [:]
    private(set) var now = 0.0

    init(place: Int, shards: [PeerID] = LearnerWatchTests.shards) {
      var configuration = ShardedWriter.Configuration(
        writer: WriterMachine.Configuration(
          id: Fixtures.id(1), label: "w", schema: Fixtures.schema, tables: [Fixtures.table]))
      configuration.place = place
      writer = ShardedWriter(configuration: configuration, generator: SeededGenerator(seed: 1))
      list(shards)
    }

    func list(_ shards: [PeerID]) { writer.setShards(shards, now: .at(now), sink: sink) }

    /// Lets time pass, in steps of 10 ms.
    func run(for milliseconds: Double) {
      let end = now + milliseconds
      while now < end {
        now += 10
        writer.advance(to: .at(now), sink: sink)
        for sent in sink.take() where !silent.contains(sent.peer) { answer(sent) }
      }
    }

    private func answer(_ sent: Sent) {
      let shard = sent.peer
      switch sent.type {
      case .learnerRequest:
        let label = withLearner.contains(shard) ? "learner" : nil
        receive(shard) { Learner(isOwn: true, label: label, isAsker: false).encode(into: $0) }
      case .hello:
        nextSequences[shard] = sent.hello?.nextSequence
        receive(shard) {
          Welcome(
            incarnation: Fixtures.id(90), committed: (nextSequences[shard] ?? 1) - 1,
            grant: Fixtures.grant(64), schema: Fixtures.schema,
            tables: [Fixtures.table]
          ).encode(into: $0)
        }
      case .insert where !blocked.contains(shard):
        receive(shard) {
          Acknowledgement(committed: sent.insertSequence ?? 0, gap: false).encode(into: $0)
        }
      default: break
      }
    }

    private func receive(_ shard: PeerID, _ encode: (FrameWriter) -> Void) {
      frame(encode).withUnsafeBytes { writer.receive($0, from: shard, now: .at(now), sink: sink) }
    }

    func write() -> Bool {
      guard let frame = writer.beginFrame(chunks: 0) else { return false }
      Insert.items(frame, [])
      writer.commitFrame(now: .at(now), sink: sink)
      return true
    }
  }

  /// At the start no shard has a learner: no stream moves, and each place has its shard.
  @Test(arguments: 0..<7) func withoutAnyLearnerNoneMoves(place: Int) {
    let harness = Harness(place: place)
    harness.run(for: 10_000)
    #expect(harness.writer.shard == Self.shards[place % 3] && harness.writer.moves == 0)
    // Learners come one after the other.
    for shard in [1, 0, 2] {
      harness.withLearner.insert(Self.shards[shard])
      harness.run(for: 1000)
    }
    #expect(harness.writer.shard == Self.shards[place % 3])
    #expect(harness.writer.moves <= 3)
  }

  /// While the run starts, learners that come within two seconds move no stream.
  @Test(arguments: 0..<3) func aSlowStartMovesNone(place: Int) {
    let harness = Harness(place: place)
    for shard in [1, 0, 2] {
      harness.run(for: 600)
      harness.withLearner.insert(Self.shards[shard])
    }
    harness.run(for: 5000)
    #expect(harness.writer.shard == Self.shards[place] && harness.writer.moves == 0)
  }

  /// Writers of a shard that loses its learner go to the others evenly, and come back.
  @Test func writersLeaveAndReturn() {
    let writers = (0..<12).map { Harness(place: $0) }
    func run(_ milliseconds: Double, with learners: [Int]) {
      for writer in writers {
        writer.withLearner = Set(learners.map { Self.shards[$0] })
        writer.run(for: milliseconds)
      }
    }
    func counts() -> [Int] { Self.shards.map { shard in writers.count { $0.writer.shard == shard } } }
    run(1000, with: [0, 1, 2])
    #expect(counts() == [4, 4, 4])
    run(1900, with: [0, 2])
    #expect(counts() == [4, 4, 4], "a restart takes less")
    run(1600, with: [0, 2])
    #expect(counts() == [6, 0, 6])
    run(5000, with: [0])
    #expect(counts() == [12, 0, 0])
    run(5000, with: [])
    #expect(counts() == [12, 0, 0], "nowhere is better")
    run(1000, with: [0, 1, 2])
    #expect(counts() == [4, 4, 4])
    #expect(writers.allSatisfy { $0.writer.moves <= 3 && $0.writer.counters.messagesDropped == 0 })
  }

  /// What a shard with a learner still acknowledges is waited for; without one it is dropped after
  /// a second, because it may stay unacknowledged for ever.
  @Test func whatABlockedShardHasNotAcknowledgedIsDropped() {
    let harness = Harness(place: 0)
    harness.withLearner = Set(Self.shards)
    harness.run(for: 1000)
    harness.blocked = [Self.shards[0]]
    #expect(harness.write() && harness.write())
    harness.run(for: 5000)
    #expect(harness.writer.shard == Self.shards[0] && harness.writer.unacknowledged == 2)
    harness.withLearner.remove(Self.shards[0])
    let id = harness.writer.writerID
    harness.run(for: 2800)
    #expect(harness.writer.shard == Self.shards[0] && harness.writer.isBlocked, "it waits a second")
    harness.run(for: 1500)
    #expect(harness.writer.shard == Self.shards[2] && harness.writer.cutEpoch == 1)
    #expect(harness.writer.counters.messagesDropped == 2)
    #expect(harness.nextSequences[Self.shards[0]] == 3, "the shard is told")
    #expect(harness.write())
    // It returns as the same writer.
    harness.blocked = []
    harness.withLearner.insert(Self.shards[0])
    harness.run(for: 1500)
    #expect(harness.writer.shard == Self.shards[0] && harness.writer.writerID == id)
    #expect(harness.writer.counters.messagesDropped == 2 && harness.writer.counters.messagesCommitted == 1)
  }

  /// A silent shard may have committed what it did not acknowledge, and may be restarting: it gets
  /// as long as with shared shards.
  @Test func aSilentShardHasItsTime() {
    let harness = Harness(place: 0)
    harness.withLearner = Set(Self.shards)
    harness.run(for: 1000)
    harness.silent = [Self.shards[0]]
    #expect(harness.write())
    harness.run(for: 9000)
    #expect(harness.writer.counters.messagesDropped == 0)
    harness.run(for: 2000)
    #expect(harness.writer.shard == Self.shards[2] && harness.writer.counters.messagesDropped == 1)
    #expect(harness.writer.moves == 1)
    harness.silent = []
    harness.run(for: 2000)
    #expect(harness.writer.shard == Self.shards[0] && harness.writer.moves == 2)
  }

  /// A shard that is added attracts no stream before it has a learner.
  @Test(arguments: 0..<6) func aNewShardWaitsForItsLearner(place: Int) {
    let harness = Harness(place: place, shards: Array(Self.shards[..<2]))
    harness.withLearner = Set(Self.shards[..<2])
    harness.run(for: 3000)
    #expect(harness.writer.shard == Self.shards[place % 2])
    harness.list(Self.shards)
    harness.run(for: 5000)
    #expect(harness.writer.shard != Self.shards[2])
    harness.withLearner = Set(Self.shards)
    harness.run(for: 1000)
    #expect(harness.writer.shard == Self.shards[place % 3] && harness.writer.moves <= 2)
  }

  /// Whatever shards have learners: each of them has a writer if there are enough, and their
  /// numbers differ by two at most.
  @Test func eachShardWithALearnerHasWriters() {
    for shards in 1...5 {
      let all = (1...shards).map { PeerID(number: UInt64($0)) }
      for mask in 1..<(1 << shards) {
        let able = all.indices.filter { mask & 1 << $0 != 0 }.map { all[$0] }
        for writers in 1...12 {
          let homes = (0..<writers).map { place in
            var watch = LearnerWatch(place: place)
            watch.setShards(all, now: .at(0))
            for shard in all {
              let answer = frame {
                Learner(isOwn: true, label: able.contains(shard) ? "l" : nil, isAsker: false).encode(into: $0)
              }
              _ = answer.withUnsafeBytes { watch.receive($0, from: shard, now: .at(5000)) }
            }
            return watch.ranking(from: nil)[0]
          }
          let counts = able.map { shard in homes.count { $0 == shard } }
          #expect(counts.reduce(0, +) == writers, "no writer is at a shard without a learner")
          #expect(counts.max()! - counts.min()! <= 2, "\(counts) of \(shards), \(able)")
          if writers >= able.count { #expect(counts.min()! > 0, "\(counts) of \(shards), \(able)") }
        }
      }
    }
  }
}
