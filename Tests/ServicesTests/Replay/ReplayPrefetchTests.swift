// The replay machine: batches whose steps have to be read from the disk first.

import Experience
import Foundations
import ReplayStore
import TestSupport
import Testing
import Wire

@testable import Services

@Suite struct ReplayPrefetchTests {
  /// Reports all steps as not in memory.
  private func harness(_ folder: TemporaryFolder, capacity: Int) throws -> ReplayHarness {
    var store = Fixtures.store(capacity: capacity)
    store.storage = .file(path: folder.path)
    store.residentMax = 1
    var replay = try ReplayHarness(store: store)
    _ = replay.receive(Fixtures.hello(1), from: 1)
    _ = replay.receive(Fixtures.samplerHello(2), from: 2)
    return replay
  }

  @Test func aBatchIsSentOnceItsStepsAreThere() throws {
    let folder = TemporaryFolder()
    var replay = try harness(folder, capacity: 64)
    _ = replay.receive(Fixtures.insert(1, first: 0, rows: 8), from: 1)
    #expect(replay.receive(Fixtures.request(1, count: 8), from: 2).isEmpty)
    let requests = replay.machine.takePrefetchRequests()
    #expect(requests.map(\.isUrgent) == [false])
    replay.machine.didPrefetch(requests[0].ticket, now: .at(1), sink: replay.sink)
    #expect(replay.sink.take().map(\.type) == [.batch])
    #expect(replay.machine.counters.itemsRedrawn == 0)
  }

  @Test func itemsThatHaveGoneMeanwhileAreDrawnAnewAndReadToo() throws {
    let folder = TemporaryFolder()
    var replay = try harness(folder, capacity: 32)
    _ = replay.receive(Fixtures.insert(1, first: 0, rows: 8), from: 1)
    #expect(replay.receive(Fixtures.request(1, count: 8), from: 2).isEmpty)
    var next: UInt64 = 2
    /// Inserts 8 more steps, which evict the oldest 8 of 32.
    func insert(_ replay: inout ReplayHarness) {
      _ = replay.receive(Fixtures.insert(next, first: (next - 1) * 8, rows: 8), from: 1)
      next += 1
    }
    for _ in 0..<4 { insert(&replay) }
    let first = replay.machine.takePrefetchRequests()
    replay.machine.didPrefetch(first[0].ticket, now: .at(1), sink: replay.sink)
    #expect(replay.sink.take().isEmpty, "none of its steps is there any more")
    #expect(replay.machine.counters.itemsRedrawn == 8)

    let second = replay.machine.takePrefetchRequests()
    #expect(second.map(\.isUrgent) == [true] && second[0].ticket == first[0].ticket)
    replay.machine.didPrefetch(second[0].ticket, now: .at(2), sink: replay.sink)
    #expect(replay.sink.take().map(\.type) == [.batch])
    #expect(replay.machine.takePrefetchRequests().isEmpty)
  }

  @Test func aRingThatOvertakesEveryReadIsServedAllTheSame() throws {
    let folder = TemporaryFolder()
    var replay = try harness(folder, capacity: 32)
    _ = replay.receive(Fixtures.insert(1, first: 0, rows: 8), from: 1)
    _ = replay.receive(Fixtures.request(1, count: 8), from: 2)
    var next: UInt64 = 2
    var rounds = 0
    while let request = replay.machine.takePrefetchRequests().first {
      rounds += 1
      try #require(rounds < 10)
      for _ in 0..<5 {
        _ = replay.receive(Fixtures.insert(next, first: (next - 1) * 8, rows: 8), from: 1)
        next += 1
      }
      replay.machine.didPrefetch(request.ticket, now: .at(1), sink: replay.sink)
    }
    #expect(replay.sink.take().map(\.type) == [.batch])
    #expect(rounds == 4)
  }
}
