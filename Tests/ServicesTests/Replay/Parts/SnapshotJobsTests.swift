// Snapshot jobs: slices, pauses, outcomes.

import Experience
import Foundations
import ReplayStore
import Testing
import Wire

@testable import Services

@Suite struct SnapshotJobsTests {
  private var jobs = SnapshotJobs()

  private func job(_ number: UInt64) -> SnapshotJob {
    SnapshotJob(id: Fixtures.id(number), verb: .snapshot, name: "\(number)", path: "/\(number)", text: "")
  }

  @Test mutating func slicesPauseBesideOtherWork() {
    #expect(jobs.nextSlice == .never && jobs.beginSlice(now: .at(0)) == nil)
    jobs.append(job(1))
    #expect(jobs.beginSlice(now: .at(5))?.path == "/1")
    #expect(jobs.nextSlice == .at(5), "no frame has come")
    jobs.recordFrame()
    #expect(jobs.beginSlice(now: .at(6)) != nil && jobs.nextSlice == .at(7))
    #expect(jobs.beginSlice(now: .at(6.5)) == nil)
    #expect(jobs.beginSlice(now: .at(7)) != nil)
    jobs.setProgress(SnapshotProgress(bytesCopied: 1, bytesTotal: 2, isWaiting: true), now: .at(7))
    #expect(jobs.nextSlice == .at(8), "the disk is behind")
    jobs.setProgress(SnapshotProgress(bytesCopied: 2, bytesTotal: 2, isCopied: true), now: .at(8))
    #expect(jobs.nextSlice == .never && jobs.last?.state == .underWay, "it has yet to be published")
    #expect(jobs.didPublish("/2", problem: nil) == false)
    #expect(jobs.didPublish("/1", problem: nil) == true)
    #expect(jobs.didPublish("/1", problem: nil) == false, "once")
    #expect(jobs.last?.state == .done)
  }

  @Test mutating func theLastOutcomesAreRemembered() {
    for number in 0..<20 as Range<UInt64> {
      jobs.append(job(number))
      if number % 2 == 0 { jobs.failLast("no room") } else { jobs.finishRestore(problem: "less") }
    }
    #expect(jobs.count == SnapshotJobs.countMax && jobs.job(Fixtures.id(3)) == nil)
    #expect(jobs.job(Fixtures.id(4))?.text == "no room" && jobs.job(Fixtures.id(4))?.state == .failed)
    #expect(jobs.job(Fixtures.id(5))?.text == ": less" && jobs.job(Fixtures.id(5))?.state == .done)
  }
}
