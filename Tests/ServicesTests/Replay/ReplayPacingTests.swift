// The replay machine: a bound on staleness.

import Experience
import Foundations
import ReplayStore
import Testing
import Wire

@testable import Services

@Suite struct ReplayPacingTests {
  private static let trajectories = TableSchema(
    name: "trajectories", kind: .sequence(length: 3, period: 2, episodes: .cross))

  /// A queue of items of 3 steps, period 2, batches of 1, a sampler at 3 and writers at 1 and 2.
  private func replay(_ keeping: StalenessBound.Keeping = .pace, max: UInt64 = 0) throws -> ReplayHarness {
    var store = Fixtures.store()
    var table = TableConfiguration(
      schema: Self.trajectories, sampler: .fifo, timesSampledMax: 1, batchSizeMax: 8, itemsPerMessageMax: 8)
    table.staleness = StalenessBound(max: max, keeping: keeping)
    store.tables = [table]
    var replay = try ReplayHarness(store: store) {
      guard keeping == .pace else { return }
      $0.pacing = PacingConfiguration(table: 0, staleness: max, period: 2, batch: 1, isSynchronous: false)
    }
    for writer in [1, 2] as [UInt64] {
      _ = replay.receive(Fixtures.hello(writer, tables: [Self.trajectories]), from: writer)
    }
    _ = replay.receive(Fixtures.samplerHello(3, tables: [Self.trajectories]), from: 3)
    return replay
  }

  private func ask(_ number: UInt64, after sequence: UInt64 = 0, steps: UInt64 = 2) -> [UInt8] {
    frame { StepRequest(number: number, sequence: sequence, steps: steps).encode(into: $0) }
  }

  private func progress(_ version: UInt64, request: UInt64, table: Int = 0) -> [UInt8] {
    frame { Progress(table: table, version: version, request: request, trained: .nothing).encode(into: $0) }
  }

  /// One item of `version`, of 3 steps of stream 0.
  private func insert(_ sequence: UInt64, version: UInt64) -> [UInt8] {
    Fixtures.insert(sequence, first: 3 * (sequence - 1), items: 1, spans: 3, version: version)
  }

  private func grants(_ sent: [Sent]) -> [StepGrant] { sent.compactMap(\.stepGrant) }

  private func health(_ replay: inout ReplayHarness) throws -> String {
    try #require(replay.receive(frame { HealthRequest.encode(into: $0) }, from: 9).first?.health?.text)
  }

  @Test func aGrantIsGivenWhenAnUpdateWasMade() throws {
    var replay = try replay()
    #expect(grants(replay.receive(ask(1), from: 1)) == [StepGrant(number: 1, steps: 2, version: 0)])
    #expect(grants(replay.receive(ask(1), from: 2)).isEmpty)
    // The request comes again: the answer was lost.
    #expect(grants(replay.receive(ask(1), from: 1)) == [StepGrant(number: 1, steps: 2, version: 0)])
    _ = replay.receive(insert(1, version: 0), from: 1)
    #expect(replay.receive(Fixtures.request(1, count: 1), from: 3).contains { $0.type == .batch })
    let sent = replay.receive(progress(1, request: 1), from: 3)
    #expect(grants(sent) == [StepGrant(number: 1, steps: 2, version: 1)])
    #expect(sent.first?.peer == PeerID(number: 2))
    #expect(replay.machine.counters.stepsGranted == 4)
  }

  /// A grant ends when its actor says goodbye, and when it is silent.
  @Test(arguments: [true, false]) func aGrantEndsWithItsActor(isSilent: Bool) throws {
    var replay = try replay()
    _ = replay.receive(ask(1), from: 1)
    #expect(grants(replay.receive(ask(1), from: 2, at: 1500)).isEmpty)
    if isSilent {
      #expect(grants(replay.advance(at: 1999)).isEmpty)
      #expect(grants(replay.advance(at: 2000)).count == 1)
    } else {
      #expect(
        grants(replay.receive(frame { Goodbye(id: Fixtures.id(1)).encode(into: $0) }, from: 1)).count == 1)
    }
  }

  private func inspect(_ replay: inout ReplayHarness, at: Double) throws -> Inspection.Staleness {
    let sent = replay.receive(frame { InspectRequest().encode(into: $0) }, from: 9, at: at)
    return try #require(sent.first?.inspection?.tables.first?.staleness)
  }

  @Test func theBoundAndWhoWaitsAreShown() throws {
    var replay = try replay(max: 1)
    _ = replay.receive(insert(1, version: 0), from: 1)
    #expect(
      try inspect(&replay, at: 0) == Inspection.Staleness(max: 1, keeping: "pace", trained: nil))
    _ = replay.receive(ask(1), from: 1)
    _ = replay.receive(ask(1), from: 2, at: 250)
    let trained = TrainedStaleness(rows: 10, mean: 0.5, p99: 1, max: 1)
    _ = replay.receive(
      frame { Progress(table: 0, version: 0, request: 0, trained: trained).encode(into: $0) }, from: 3,
      at: 250)
    let found = try inspect(&replay, at: 750)
    #expect(
      found
        == Inspection.Staleness(
          max: 1, keeping: "pace", trained: trained, waitingTotal: 1, waiting_s: 0.5, waiting: ["w"]))
  }

  @Test func whatWasTooOldIsShownByActor() throws {
    var replay = try replay(.drop)
    _ = replay.receive(insert(1, version: 0), from: 1)
    _ = replay.receive(progress(1, request: 0), from: 3)
    _ = replay.receive(Fixtures.request(1, count: 1), from: 3)
    #expect(try inspect(&replay, at: 0).outdated == [Inspection.Outdated(label: "w", items: 1)])
  }

  /// Several learners: weighted by rows, and the worst of their percentiles.
  @Test func severalLearnersAreOneFigure() {
    let parts = [
      TrainedStaleness(rows: 30, mean: 1, p99: 3, max: 9),
      TrainedStaleness(rows: 10, mean: 5, p99: 7, max: 8),
    ]
    #expect(TrainedStaleness(parts) == TrainedStaleness(rows: 40, mean: 2, p99: 7, max: 9))
    #expect(TrainedStaleness([TrainedStaleness.nothing]) == .nothing)
    #expect(TrainedStaleness([TrainedStaleness]()) == nil)
    #expect(
      TrainedStaleness([parts[0], TrainedStaleness(rows: .max, mean: 0, p99: 0, max: 0)])?.rows == .max)
  }

  @Test func whatIsTooOldIsRemovedWhenItWouldBeServed() throws {
    for keeping in StalenessBound.Keeping.allCases where keeping != .pace {
      var replay = try replay(keeping, max: 1)
      for (sequence, version) in [(1, 4), (2, 5), (3, 6)] as [(UInt64, UInt64)] {
        _ = replay.receive(insert(sequence, version: version), from: 1)
      }
      _ = replay.receive(progress(6, request: 0), from: 3)
      let sent = replay.receive(Fixtures.request(1, count: 2), from: 3)
      let version = sent.first { $0.type == .batch }?.read {
        try Batch(from: &$0).versions.loadUnaligned(as: UInt64.self)
      }
      #expect(version == (keeping == .drop ? 5 : 4))
      #expect(replay.machine.counters.itemsOutdated == (keeping == .drop ? ["w": 1] : [:]))
    }
  }

  /// A batch that waits for a slow actor says so.
  @Test func aBatchThatWaitsSaysWhy() throws {
    var replay = try replay(max: 1)
    for writer in [1, 2] as [UInt64] { _ = replay.receive(ask(1), from: writer) }
    _ = replay.receive(progress(1, request: 0), from: 3)
    _ = replay.receive(insert(1, version: 1), from: 1)
    #expect(replay.receive(Fixtures.request(1, count: 1), from: 3).isEmpty)
    let text = try health(&replay)
    #expect(
      text.contains("samples held: 1 actors act on grants whose 1 items of version 0 or earlier"), "\(text)")
    // What the learner has given up is not served to it.
    _ = replay.receive(progress(1, request: 1), from: 3)
    #expect(try !health(&replay).contains("held"))
    #expect(!replay.receive(insert(1, version: 0), from: 2).contains { $0.type == .batch })
  }

  @Test func whoIsUnknownOrWrongIsRefused() throws {
    var replay = try replay()
    func refusal(_ frame: [UInt8], from peer: UInt64, _ code: RefusalCode, _ text: String) {
      let refusal = replay.receive(frame, from: peer).first?.refusal
      #expect(
        refusal?.code == code && refusal?.text.contains(text) == true,
        "\(code) \(text): \(String(describing: refusal))")
    }
    refusal(ask(1), from: 8, .unknownPeer, "")
    refusal(ask(1), from: 3, .invalid, "expected a writer's connection, found a sampler's")
    refusal(progress(1, request: 0), from: 8, .unknownPeer, "")
    refusal(progress(1, request: 0, table: 3), from: 3, .invalid, "expected a table below 1, found 3")
    replay = try self.replay(.drop)
    refusal(ask(1), from: 1, .invalid, "replay.when_stale pace")
  }

  /// A table without a bound takes no notice.
  @Test func progressWithoutABoundChangesNothing() throws {
    var replay = try ReplayHarness()
    _ = replay.receive(Fixtures.samplerHello(3), from: 3)
    #expect(replay.receive(progress(9, request: 9), from: 3).isEmpty)
  }
}
