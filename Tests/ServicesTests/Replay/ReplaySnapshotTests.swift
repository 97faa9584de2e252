// The replay machine: snapshots beside other work.

import Experience
import Foundations
import Glibc
import ReplayStore
import TestSupport
import Testing
import Wire

@testable import Services

@Suite struct ReplaySnapshotTests {
  private static func request(_ name: String) -> [UInt8] {
    frame { SnapshotRequest(id: Fixtures.id(5), verb: .snapshot, name: name).encode(into: $0) }
  }

  /// Inserts enough for several slices.
  private func harness(_ folder: String) throws -> ReplayHarness {
    var replay = try ReplayHarness(store: Fixtures.store(capacity: 100_000)) { $0.snapshotFolder = folder }
    _ = replay.receive(Fixtures.hello(1), from: 1)
    for index in 0..<12 as Range<UInt64> {
      _ = replay.receive(Fixtures.insert(index + 1, first: index * 5000, rows: 5000, items: 1), from: 1)
    }
    return replay
  }

  @Test func copyingPausesWhileOthersAreServed() throws {
    let folder = TemporaryFolder()
    var replay = try harness(folder.path)
    #expect(replay.machine.nextSnapshot == .never)
    _ = replay.receive(Self.request("a"), from: 2)
    #expect(replay.machine.nextSnapshot <= .at(0))
    let job = { (replay: ReplayHarness) in replay.machine.snapshotJobs.last }
    #expect(replay.machine.advanceSnapshot(now: .at(10), sink: replay.sink) == nil)
    let first = try #require(job(replay)).progress.bytesCopied
    #expect(first >= SnapshotJobs.slice && first < 2 * SnapshotJobs.slice)
    // The request itself was a frame.
    #expect(replay.machine.nextSnapshot == .at(11))
    #expect(replay.machine.advanceSnapshot(now: .at(10.5), sink: replay.sink) == nil)
    #expect(job(replay)?.progress.bytesCopied == first)
    // No other frames: no pause.
    #expect(replay.machine.advanceSnapshot(now: .at(11), sink: replay.sink) == nil)
    #expect(replay.machine.nextSnapshot == .at(11))
    #expect(try #require(job(replay)).progress.bytesCopied > first)
    replay.machine.store.abandonSnapshot()
    rmdir("\(folder.path)/a")
  }

  @Test func thereIsNothingToCopyYet() throws {
    let folder = TemporaryFolder()
    var replay = try ReplayHarness { $0.snapshotFolder = folder.path }
    let refusal = replay.receive(Self.request("a"), from: 2).first?.refusal
    #expect(refusal?.text.contains("holds nothing yet") == true && refusal?.code == .invalid)
  }

  /// A client that asks for one snapshot after the other cannot fill the disk; existing names may
  /// be used again.
  @Test func snapshotsAreBounded() throws {
    let folder = TemporaryFolder()
    var replay = try harness(folder.path)
    for index in 0..<ReplayMachine.snapshotsMax { #expect(mkdir("\(folder.path)/s\(index)", 0o700) == 0) }
    let refusal = replay.receive(Self.request("one-more"), from: 2).first?.refusal
    #expect(refusal?.code == .invalid)
    #expect(
      refusal?.text
        == "\(folder.path): expected fewer than 64 snapshots, found 64; remove one, or use its name again")
    #expect(replay.receive(Self.request("s5"), from: 2).first?.refusal == nil)
  }

  @Test func itEndsAndIsPublished() throws {
    let folder = TemporaryFolder()
    var replay = try harness(folder.path)
    _ = replay.receive(Self.request("a"), from: 2)
    var path: String?
    var slices = 0
    while path == nil {
      slices += 1
      try #require(slices < 100)
      path = replay.machine.advanceSnapshot(now: .at(Double(slices)), sink: replay.sink)
    }
    #expect(slices > 3 && path == "\(folder.path)/a/1")
    #expect(replay.machine.nextSnapshot == .never)
    #expect(ReplayStore.publishSnapshot(at: path!) == nil)
    replay.machine.didPublish(path!, problem: nil)
    #expect(replay.machine.snapshotJobs.last?.state == .done)
    #expect(ReplayStore.removeSnapshot(at: path!) == nil)
    rmdir("\(folder.path)/a")
  }
}
