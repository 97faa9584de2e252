// Batches that wait for the disk, whose samplers come and go.

import Experience
import Foundations
import ReplayStore
import TestSupport
import Testing
import Wire

@testable import Services

@Suite struct ReturningSamplerTests {
  /// A sampler's waiting batches count across its GOODBYE: else its credit would grow by them.
  @Test func aSamplerLeavesAndComesBackWhileItsBatchIsRead() throws {
    let folder = TemporaryFolder()
    var store = Fixtures.store()
    store.storage = .file(path: folder.path)
    store.residentMax = 0
    var replay = try ReplayHarness(store: store)
    _ = replay.receive(Fixtures.hello(1), from: 1)
    _ = replay.receive(Fixtures.insert(1, first: 0, rows: 8), from: 1)
    _ = replay.receive(Fixtures.samplerHello(3), from: 3)
    #expect(replay.receive(Fixtures.request(1), from: 3).isEmpty)
    let requests = replay.machine.takePrefetchRequests()
    #expect(requests.count == 1)
    _ = replay.receive(frame { Goodbye(id: Fixtures.id(3)).encode(into: $0) }, from: 3)
    _ = replay.receive(Fixtures.samplerHello(3), from: 3)
    #expect(replay.machine.samplers.all.values.map(\.waiting) == [1])
    replay.machine.didPrefetch(requests[0].ticket, now: .at(0), sink: replay.sink)
    #expect(replay.sink.take().map(\.type) == [.batch])
    #expect(replay.machine.samplers.all.values.map(\.waiting) == [0])
    #expect(replay.machine.checkInvariants() == nil)
  }
}
