// The replay machine: serving, and frames of any bytes.

import Experience
import Foundations
import ReplayStore
import Testing
import TestSupport
import Wire

@testable import Services

@Suite struct ReplaySampleTests {
  /// A replay with five items, a writer at 1 and a sampler at 3.
  private func filled(_ configure: (inout ReplayMachine.Configuration) -> Void = { _ in }) throws
    -> ReplayHarness
  {
    var replay = try ReplayHarness(configure: configure)
    _ = replay.receive(Fixtures.hello(1), from: 1)
    _ = replay.receive(Fixtures.samplerHello(3), from: 3)
    _ = replay.receive(Fixtures.insert(1, first: 0, rows: 6), from: 1)
    return replay
  }

  @Test func aBatchHoldsTransitions() throws {
    var replay = try filled()
    let frame = try #require(replay.receive(Fixtures.request(8, count: 4), from: 3).first)
    try frame.bytes.withUnsafeBytes { bytes in
      var cursor = FrameCursor(bytes)
      #expect(try cursor.openMessage() == .batch)
      let batch = try Batch(from: &cursor)
      #expect(batch.header.request == 8 && batch.header.parts == 1 && batch.header.batchRows == 4)
      #expect(
        batch.fields.map(\.name) == ["observation", "action", "reward", "discount", "next_observation"])
      for row in 0..<4 {
        func value(_ column: Int) -> Float {
          batch.columns[column].loadUnaligned(fromByteOffset: row * 4, as: Float.self)
        }
        #expect(value(2) == value(0) && value(3) == 0.5 && value(4) == value(0) + 1)
        #expect(batch.keys.loadUnaligned(fromByteOffset: row * 8, as: UInt64.self) == UInt64(value(0)))
        #expect(batch.versions.loadUnaligned(fromByteOffset: row * 8, as: UInt64.self) == 7)
      }
    }
  }

  @Test func largeBatchesComeInParts() throws {
    var replay = try filled { $0.partBytes = 100 }
    let sent = replay.receive(Fixtures.request(8, count: 7), from: 3)
    let headers = sent.compactMap { $0.read { try Batch(from: &$0).header } }
    #expect(headers.count == 4 && headers.allSatisfy { $0.parts == 4 })
    #expect(headers.map(\.firstRow) == [0, 2, 4, 6] && headers.map(\.rows) == [2, 2, 2, 1])
  }

  /// The first table's samples must not come before the inserts that wait for samples of the
  /// second.
  @Test func aTableThatIsBlockedHoldsUpNoOther() throws {
    let slow = TableSchema(name: "slow", kind: .record)
    let limited = RateLimiterConfiguration(samplesPerInsert: 1, minSize: 1, errorMin: -2, errorMax: 4)
    var store = Fixtures.store(limiter: limited)
    store.tables[0].batchSizeMax = 3
    store.tables[0].itemsPerMessageMax = 3
    store.tables.insert(TableConfiguration(schema: slow, limiter: .unlimited(minSize: 50)), at: 0)
    var replay = try ReplayHarness(store: store)
    let tables = [slow, Fixtures.table]
    _ = replay.receive(Fixtures.hello(1, tables: tables), from: 1)
    _ = replay.receive(Fixtures.samplerHello(3, tables: tables), from: 3)
    #expect(replay.receive(Fixtures.request(1, table: 0), from: 3).isEmpty)
    #expect(replay.receive(Fixtures.insert(1, first: 0, rows: 4, table: 1), from: 1).last?.type != .refusal)
    #expect(replay.receive(Fixtures.insert(2, first: 4, rows: 4, table: 1), from: 1).isEmpty)
    // Served although an older request waits; then the message that waited.
    let sent = replay.receive(Fixtures.request(2, count: 3, table: 1), from: 3)
    #expect(Set(sent.map(\.type)).contains(.batch))
    #expect(replay.machine.counters.messagesCommitted == 2)
    #expect(replay.machine.waitingSamples.all.map(\.request.table) == [0])
  }

  @Test func blockedRequestsAreServedInOrder() throws {
    var replay = try ReplayHarness(store: Fixtures.store(minSize: 5))
    _ = replay.receive(Fixtures.hello(1), from: 1)
    _ = replay.receive(Fixtures.samplerHello(3), from: 3)
    _ = replay.receive(Fixtures.samplerHello(4), from: 4)
    #expect(replay.receive(Fixtures.request(1), from: 3).isEmpty)
    #expect(replay.receive(Fixtures.request(1), from: 4).isEmpty)
    #expect(replay.receive(Fixtures.request(2), from: 3).isEmpty)
    #expect(replay.receive(Fixtures.request(1), from: 3).isEmpty)
    #expect(replay.machine.counters.requestsRepeated == 1, "a request that waits is not queued twice")
    let sent = replay.receive(Fixtures.insert(1, first: 0, rows: 6), from: 1).filter { $0.type == .batch }
    #expect(sent.map(\.peer) == [3, 4, 3].map { PeerID(number: $0) })
    #expect(replay.machine.telemetry(now: .at(1))["requests_waiting"] == 0)
  }

  @Test func requestsBeyondTheCreditAreBusy() throws {
    var replay = try ReplayHarness(store: Fixtures.store(minSize: 5)) { $0.credit = 2 }
    _ = replay.receive(Fixtures.samplerHello(3), from: 3)
    for request in 1...2 { #expect(replay.receive(Fixtures.request(UInt64(request)), from: 3).isEmpty) }
    #expect(replay.receive(Fixtures.request(3), from: 3).map(\.refusal?.code) == [.busy])
  }

  @Test func aReconnectedSamplerLosesWhatWaitedOnTheOldConnection() throws {
    var replay = try ReplayHarness(store: Fixtures.store(minSize: 5))
    _ = replay.receive(Fixtures.hello(1), from: 1)
    _ = replay.receive(Fixtures.samplerHello(3), from: 3)
    _ = replay.receive(Fixtures.request(1), from: 3)
    _ = replay.receive(Fixtures.samplerHello(3), from: 8)
    #expect(replay.receive(Fixtures.request(1), from: 3).map(\.refusal?.code) == [.unknownPeer])
    _ = replay.receive(Fixtures.request(1), from: 8)
    let sent = replay.receive(Fixtures.insert(1, first: 0, rows: 6), from: 1)
    #expect(sent.filter { $0.type == .batch }.map(\.peer) == [PeerID(number: 8)])
  }

  @Test func aBatchThatTheQueueDidNotTakeIsCountedAndServedWhenAskedAgain() throws {
    var replay = try filled()
    replay.sink.isFull = true
    #expect(replay.receive(Fixtures.request(1), from: 3).isEmpty)
    #expect(replay.machine.counters.batchesUndelivered == 1)
    replay.sink.isFull = false
    #expect(replay.receive(Fixtures.request(1), from: 3).map(\.type) == [.batch])
  }

  @Test func impossibleRequestsAreRefused() throws {
    var replay = try filled()
    for frame in [
      Fixtures.request(1, count: 0), Fixtures.request(1, count: 9), Fixtures.request(1, table: 1),
    ] {
      #expect(replay.receive(frame, from: 3).map(\.refusal?.code) == [.invalid])
    }
    for value in [Float.nan, -1, .infinity] {
      let key: UInt64 = 0
      let update = withUnsafeBytes(of: key) { keys in
        withUnsafeBytes(of: value) { values in
          frame { PriorityUpdate(table: 0, keys: keys, priorities: values).encode(into: $0) }
        }
      }
      #expect(replay.receive(update, from: 3).map(\.refusal?.code) == [.invalid])
    }
    #expect(replay.machine.counters.prioritiesRefused == 3)
  }

  @Test func malformedFramesAreRefusedWithTheirType() throws {
    var replay = try filled()
    let good: [[UInt8]] = [
      Fixtures.hello(5), Fixtures.insert(2, first: 6), Fixtures.request(1),
      frame { Goodbye(id: Fixtures.id(9)).encode(into: $0) }, frame { HealthRequest.encode(into: $0) },
    ]
    for frame in good {
      for count in 0..<frame.count {
        let sent = replay.receive(Array(frame[..<count]), from: 1)
        #expect(sent.map(\.refusal?.code) == [.malformed], "\(count) of \(frame.count) bytes")
        #expect(count < 3 || sent.first?.refusal?.type == frame[2])
      }
      #expect(replay.receive(frame + [0], from: 1).map(\.refusal?.code) == [.malformed])
    }
    #expect(replay.receive(frame { $0.begin(.joined) }, from: 1).map(\.refusal?.code) == [.unsupported])
    let version = replay.receive([0x92, 9, 9], from: 1).first?.refusal?.text
    #expect(version?.contains("expected protocol version 4, found version 9") == true)
    #expect(replay.machine.store.statistics.head == 6, "nothing of them was kept")
  }

  @Test func healthIsAnswered() throws {
    var replay = try filled()
    let health = replay.receive(frame { HealthRequest.encode(into: $0) }, from: 77, at: 2000).first?.health
    #expect(
      health
        == Health(service: "replay", isHealthy: true, text: "1 writers, 1 samplers, 6 steps", uptime_s: 2))
  }

  /// Random bytes, and good frames with some bytes changed, in any order.
  @Test(arguments: Seeds.list(count: 20)) func anyBytesAreAnsweredNeverACrash(seed: UInt64) throws {
    var draw = SeededGenerator(seed: seed, part: "fuzz")
    var replay = try filled()
    var sequence: UInt64 = 2
    for _ in 0..<300 {
      let first = 6 + (sequence - 2) * 3
      let good = [
        Fixtures.hello(UInt64(draw.below(3)), next: draw.next() >> UInt64(draw.below(64))),
        Fixtures.samplerHello(3),
        Fixtures.insert(sequence, first: first), Fixtures.request(draw.next(), count: draw.below(9)),
        frame { Goodbye(id: Fixtures.id(UInt64(draw.below(3)))).encode(into: $0) },
        (0..<draw.below(80)).map { _ in UInt8(draw.below(256)) },
      ]
      var bytes = good[draw.below(good.count)]
      for _ in 0..<draw.below(4) where !bytes.isEmpty {
        bytes[draw.below(bytes.count)] = UInt8(draw.below(256))
      }
      let before = replay.machine.counters.messagesCommitted
      let sent = replay.receive(bytes, from: UInt64(1 + draw.below(4)))
      #expect(sent.allSatisfy { $0.type != nil })
      if replay.machine.counters.messagesCommitted > before { sequence += 1 }
    }
    let statistics = replay.machine.store.statistics
    #expect(replay.machine.counters.steps == statistics.head)
    #expect(statistics.steps <= 100)
  }
}
