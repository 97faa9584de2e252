// The learner under a bound on staleness.

import Experience
import Foundations
import Testing
import Wire

@testable import Services

@Suite struct LearnerStalenessTests {
  private func learner(
    _ keeping: StalenessBound.Keeping, max: UInt64 = 2, batchesMax: Int? = nil
  ) -> LearnerHarness {
    var learner = LearnerHarness(
      milestoneEvery: nil, staleness: StalenessBound(max: max, keeping: keeping), batchesMax: batchesMax)
    learner.publish(5, [9, 9])
    frame { Joined(incarnation: Fixtures.id(99), index: 0, merged: 0, version: 5).encode(into: $0) }
      .withUnsafeBytes { learner.machine.receive($0, now: .at(0), parameters: learner.parameters) }
    learner.advance(1)
    return learner
  }

  /// It tells how far it is, and only then asks; it does not ask again before its update is in the
  /// weights.
  @Test func anUpdateIsInTheWeightsBeforeTheNextBatchIsAskedFor() throws {
    var learner = learner(.pace)
    let sent = learner.replay.take()
    #expect(sent.compactMap(\.progress) == [Progress(table: 0, version: 5, request: 0, trained: .nothing)])
    #expect(sent.compactMap(\.sampleRequest).count == 1)
    #expect(learner.replay.take().isEmpty)
    learner = self.learner(.pace)
    #expect(try learner.train(versions: [5, 4]))
    learner.advance(2)
    #expect(learner.replay.take().filter { $0.sampleRequest != nil || $0.progress != nil }.isEmpty)
    learner.publish(6, [10, 10], updates: 1, merged: 1)
    learner.advance(3)
    let next = learner.replay.take()
    #expect(next.compactMap(\.progress).last?.version == 6)
    #expect(next.compactMap(\.sampleRequest).count == 1)
    let places = next.filter { $0.progress != nil || $0.sampleRequest != nil }.map(\.type)
    #expect(places.last == .sampleRequest)
  }

  /// It asks for the next batch while it trains on one. What it says to have finished is the one
  /// before, also when the next has come; that is trained on once the update is in the weights.
  @Test func theNextBatchIsAskedForMeanwhile() throws {
    var learner = learner(.pace, batchesMax: 2)
    #expect(try learner.train(versions: [5, 4]))
    learner.advance(2)
    let first = learner.replay.take()
    #expect(first.compactMap(\.sampleRequest?.request) == [2])
    #expect(first.compactMap(\.progress).isEmpty)
    // The answer comes before the update is in the weights: it waits.
    learner.request = 2
    #expect(try !learner.train(versions: [4, 4], at: 2))
    learner.publish(6, [10, 10], updates: 1, merged: 1)
    #expect(try !learner.machine.beginUpdate(now: .at(3)))
    learner.advance(3)
    let next = learner.replay.take()
    #expect(next.compactMap { $0.progress.map { [$0.version, $0.request] } } == [[6, 1]])
    #expect(next.compactMap(\.sampleRequest?.request) == [3])
    #expect(try learner.machine.beginUpdate(now: .at(4)))
    learner.machine.endUpdate(at: .at(4), replay: learner.replay, parameters: learner.parameters)
    #expect(
      learner.machine.statistics.trainedStaleness.max == 2 && learner.machine.statistics.rowsOutdated == 0)
  }

  /// While it waits for a batch it says every 500 ms that it is there.
  @Test func aWaitingLearnerIsHeardOf() {
    var learner = learner(.pace)
    _ = learner.replay.take()
    learner.advance(500)
    #expect(learner.replay.take().compactMap(\.progress).isEmpty)
    learner.advance(501)
    #expect(learner.replay.take().compactMap(\.progress).count == 1)
  }

  @Test(arguments: [StalenessBound.Keeping.pace, .drop, .correct])
  func rowsThatAreTooOldAreLeftOut(keeping: StalenessBound.Keeping) throws {
    var learner = learner(keeping)
    // Versions 3 to 5 are allowed; the row of version 2 has a bad loss, and no weight.
    learner.rule.isSound = { $0 != 8 || keeping == .correct }
    #expect(try learner.train([8, 1], versions: [2, 3]))
    let statistics = learner.machine.statistics
    #expect(statistics.rowsOutdated == 1 && statistics.batchesOutdated == 0)
    #expect(statistics.trainedStaleness.max == (keeping == .correct ? 3 : 2))
    #expect(statistics.trainedStaleness.mean == (keeping == .correct ? 2.5 : 2))
  }

  /// A batch of only such rows makes no update.
  @Test func aBatchThatIsTooOldChangesNothing() throws {
    var learner = learner(.drop)
    #expect(try !learner.train(versions: [1, 2]))
    #expect(learner.machine.statistics.rowsOutdated == 2 && learner.machine.statistics.batchesOutdated == 1)
    learner.advance(2)
    #expect(try learner.train(versions: [3, 5], at: 3))
  }

  @Test func countsByStaleness() {
    var counts = StalenessCounts()
    #expect(counts.mean == 0 && counts.quantile(0.99) == 0 && counts.max == 0)
    for staleness in 0..<100 as Range<UInt64> { counts.record(staleness) }
    #expect(counts.mean == 49.5 && counts.max == 99)
    #expect(counts.quantile(0.99) == 98 && counts.quantile(0.5) == 49 && counts.quantile(1) == 99)
    for _ in 0..<10 { counts.record(1 << 40) }
    #expect(counts.quantile(0.99) == 1 << 40 && counts.max == 1 << 40)
  }
}
