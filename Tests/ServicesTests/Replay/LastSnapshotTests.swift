// A replay machine that resumes what an earlier incarnation left at its end.

import Experience
import Foundations
import Glibc
import ReplayStore
import TestSupport
import Testing
import Wire

@testable import Services

@Suite struct LastSnapshotTests {
  /// Copies what the other incarnation of a replay left, and resumes it.
  private func nextIncarnation(
    of replay: inout ReplayHarness, _ path: String,
    configure: (inout ReplayMachine.Configuration) -> Void = { _ in }
  ) throws -> ReplayHarness {
    try replay.machine.beginLastSnapshot(at: path)
    while try #require(replay.machine.store.continueSnapshot(bytes: 10)).isCopied == false {}
    #expect(ReplayStore.publishSnapshot(at: path, syncsToDisk: false) == nil)
    defer { #expect(ReplayStore.removeSnapshot(at: path) == nil) }
    return try ReplayHarness {
      $0.initialSnapshot = path
      configure(&$0)
    }
  }

  /// The acknowledgement may be lost: the writer sends the last message again, and continues its
  /// episode.
  @Test func messagesAreTakenOnceAcrossAnEnd() throws {
    let folder = TemporaryFolder()
    var first = try ReplayHarness()
    _ = first.receive(Fixtures.hello(1), from: 1)
    _ = first.receive(Fixtures.hello(2), from: 2)
    _ = first.receive(Fixtures.insert(1, first: 0), from: 1)
    _ = first.receive(Fixtures.insert(2, first: 3), from: 1)
    _ = first.receive(Fixtures.insert(1, first: 0), from: 2)
    _ = first.receive(frame { Goodbye(id: Fixtures.id(2)).encode(into: $0) }, from: 2)
    var next = try nextIncarnation(of: &first, "\(folder.path)/last")
    #expect(next.machine.store.statistics.steps == 9)
    #expect(next.machine.takeNotices().first?.hasPrefix("capacity: ") == true)
    let welcome = try #require(next.receive(Fixtures.hello(1, next: 2), from: 7).first?.welcome)
    #expect(welcome.committed == 2)
    let again = next.receive(Fixtures.insert(2, first: 3), from: 7)
    #expect(again.map(\.acknowledgement) == [Acknowledgement(committed: 2, gap: false)])
    #expect(next.machine.store.statistics.head == 9)
    _ = next.receive(Fixtures.insert(3, first: 6), from: 7)
    #expect(next.machine.store.statistics.head == 12 && next.machine.counters.itemsStale == 0)
    // Late frames of a writer that has left.
    #expect(
      next.receive(Fixtures.hello(2), from: 8).first?.refusal?.text
        == "this writer has said GOODBYE; say HELLO with a new id")
    // A new writer does not get an old writer's handle.
    _ = next.receive(Fixtures.hello(3), from: 9)
    _ = next.receive(Fixtures.insert(1, first: 0), from: 9)
    #expect(next.machine.store.writersWithSteps.count == 3)
  }

  /// A client's snapshot that is not done does not prevent the last one.
  @Test func aCopyUnderWayIsGivenUp() throws {
    let folder = TemporaryFolder()
    var first = try ReplayHarness { $0.snapshotFolder = folder.path }
    _ = first.receive(Fixtures.hello(1), from: 1)
    _ = first.receive(Fixtures.insert(1, first: 0), from: 1)
    let request = SnapshotRequest(id: Fixtures.id(5), verb: .snapshot, name: "monday")
    _ = first.receive(frame(request.encode), from: 3)
    #expect(DirectoryNames.of("\(folder.path)/monday") == ["1.partial"])
    let next = try nextIncarnation(of: &first, "\(folder.path)/last")
    #expect(next.machine.store.statistics.steps == 3)
    #expect(rmdir("\(folder.path)/monday") == 0, "nothing is left in it")
  }

  @Test func whatTheMachineCannotHoldIsNotTakenUp() throws {
    let folder = TemporaryFolder()
    var first = try ReplayHarness()
    _ = first.receive(Fixtures.hello(1), from: 1)
    _ = first.receive(Fixtures.insert(1, first: 0), from: 1)
    do {
      _ = try nextIncarnation(of: &first, "\(folder.path)/last") { $0.memoryMax = 100 }
      Issue.record("it was resumed")
    } catch let error as ReplayStoreError {
      #expect("\(error)".contains("but this machine has 0 MB free: lower replay.capacity"), "\(error)")
    }
  }
}
