// Copies: slices, pauses, outcomes.

import Experience
import Foundations
import ReplayStore
import Testing
import Wire

@testable import Services

@Suite struct SnapshotJobsTests {
  private var copies = SnapshotJobs()

  private func job(_ number: UInt64) -> SnapshotJob {
    SnapshotJob(id: Fixtures.id(number), verb: .snapshot, name: "\(number)", path: "/\(number)", text: "")
  }

  @Test mutating func slicesPauseBesideOtherWork() {
    #expect(copies.nextSlice == .never && copies.beginSlice(now: .at(0)) == nil)
    copies.append(job(1))
    #expect(copies.beginSlice(now: .at(5))?.path == "/1")
    #expect(copies.nextSlice == .at(5), "nobody else is at work")
    copies.noteWork()
    #expect(copies.beginSlice(now: .at(6)) != nil && copies.nextSlice == .at(7))
    #expect(copies.beginSlice(now: .at(6.5)) == nil)
    #expect(copies.beginSlice(now: .at(7)) != nil)
    copies.note(SnapshotProgress(bytesCopied: 1, bytesTotal: 2, isWaiting: true), now: .at(7))
    #expect(copies.nextSlice == .at(8), "the disk is behind")
    copies.note(SnapshotProgress(bytesCopied: 2, bytesTotal: 2, isCopied: true), now: .at(8))
    #expect(copies.nextSlice == .never && copies.last?.state == .underWay, "it has yet to be published")
    #expect(copies.didPublish("/2", problem: nil) == false)
    #expect(copies.didPublish("/1", problem: nil) == true)
    #expect(copies.didPublish("/1", problem: nil) == false, "once")
    #expect(copies.last?.state == .done)
  }

  @Test mutating func theLastOutcomesAreRemembered() {
    for number in 0..<20 as Range<UInt64> {
      copies.append(job(number))
      if number % 2 == 0 { copies.failLast("no room") } else { copies.finishRestore(problem: "less") }
    }
    #expect(copies.count == SnapshotJobs.countMax && copies.job(Fixtures.id(3)) == nil)
    #expect(copies.job(Fixtures.id(4))?.text == "no room" && copies.job(Fixtures.id(4))?.state == .failed)
    #expect(copies.job(Fixtures.id(5))?.text == ": less" && copies.job(Fixtures.id(5))?.state == .done)
  }
}
