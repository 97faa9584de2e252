// The algebra of averaging, both sides, without sessions.

import Configuration
import Experience
import Foundations
import Testing
import Wire

@testable import Services

@Suite struct AveragingTests {
  private func delta(
    _ learner: UInt64, updates: UInt64 = 1, batch: UInt64 = 1, _ values: [Float], _ body: (Delta) -> Void
  ) {
    values.withUnsafeBytes {
      body(
        Delta(
          id: Fixtures.id(learner), sequence: 1, baseVersion: 1, updates: updates,
          transitions: updates * batch, oldestUpdate: Int64(learner) * 10,
          newestUpdate: Int64(learner) * 10 + 5, values: $0))
    }
  }

  private func merger(_ mode: AggregationConfiguration.Mode) -> any Merger {
    Aggregation.averaging(mode).merger(parameters: 2)
  }

  private func state(_ values: [Float]) -> ParameterState {
    ParameterState(version: 1, updates: 0, merged: [], manifest: ServerHarness.manifest, values: values)
  }

  @Test func aRoundIsTheMeanByTransitions() {
    var merger = merger(.rounds)
    var state = state([10, 10])
    #expect(merger.closesAt(lastPublished: .at(0), publishEvery: .milliseconds(20)) == nil)
    delta(1, updates: 1, [4, 0]) { merger.add($0, now: .at(5)) }
    delta(2, updates: 3, [0, 8]) { merger.add($0, now: .at(6)) }
    let merged = merger.merge(into: &state)
    #expect(state.values == [11, 16] && merged.count == 4 && merged.oldest == 10 && merged.newest == 25)
    #expect(merged.clock == 2.5, "updates beside each other: the mean, weighted like the deltas")
    #expect(merger.closesAt(lastPublished: .at(0), publishEvery: .milliseconds(20)) == nil, "a new round")
  }

  /// Two updates of 6 rows weigh as much as four of 3, and the clock is the mean of their updates.
  @Test(arguments: [AggregationConfiguration.Mode.rounds, .asynchronous])
  func batchesOfDifferentSizesWeighByTheirRows(_ mode: AggregationConfiguration.Mode) {
    var merger = merger(mode)
    var state = state([0, 0])
    if mode == .asynchronous {
      // Both are active.
      delta(1, updates: 2, batch: 6, [0, 0]) { merger.add($0, now: .at(0)) }
      delta(2, updates: 4, batch: 3, [0, 0]) { merger.add($0, now: .at(0)) }
      _ = merger.merge(into: &state)
    }
    delta(1, updates: 2, batch: 6, [8, 0]) { merger.add($0, now: .at(5)) }
    delta(2, updates: 4, batch: 3, [0, 8]) { merger.add($0, now: .at(6)) }
    let merged = merger.merge(into: &state)
    #expect(state.values == [4, 4] && merged.count == 6 && merged.clock == 3)
  }

  @Test func aRoundWaitsForThoseWhoAreActive() {
    var merger = merger(.rounds)
    var state = state([0, 0])
    for learner in 1...2 { delta(UInt64(learner), [1, 1]) { merger.add($0, now: .at(0)) } }
    _ = merger.merge(into: &state)
    delta(1, [1, 1]) { merger.add($0, now: .at(100)) }
    #expect(merger.closesAt(lastPublished: .at(0), publishEvery: .milliseconds(20)) == .at(110))
    merger.forget(Fixtures.id(2))
    #expect(merger.closesAt(lastPublished: .at(0), publishEvery: .milliseconds(20)) == .at(20))
  }

  @Test func alongsideAChangeCountsByItsShareOfRecentUpdates() {
    var merger = merger(.asynchronous)
    var state = state([0, 0])
    delta(1, updates: 1, [8, 0]) { merger.add($0, now: .at(0)) }
    _ = merger.merge(into: &state)
    #expect(state.values == [8, 0])
    delta(2, updates: 3, [0, 8]) { merger.add($0, now: .at(0)) }
    #expect(merger.merge(into: &state).clock == 2.25, "3 of 4")
    #expect(state.values == [8, 6])
    merger.forget(Fixtures.id(1))
    delta(2, updates: 3, [0, 8]) { merger.add($0, now: .at(0)) }
    _ = merger.merge(into: &state)
    #expect(state.values == [8, 14], "no other learner is there")
  }

  @Test(arguments: [Float.nan, .infinity, 3e38]) func unsoundChangesAreNamed(_ value: Float) {
    var merger = merger(.rounds)
    delta(1, [0, value]) { #expect(merger.problem(with: $0) != nil) }
    delta(1, updates: 0, [1, 1]) { #expect(merger.problem(with: $0) != nil) }
    delta(1, updates: 2, batch: 0, [1, 1]) { #expect(merger.problem(with: $0) != nil) }
    delta(1, updates: 2, batch: 1 << 51, [1, 1]) { #expect(merger.problem(with: $0) != nil) }
    delta(1, [1, 1]) { #expect(merger.problem(with: $0) == nil) }
  }

  /// A learner's own unmerged work is the same before and after each publication.
  @Test func aLearnerKeepsWhatIsNotMerged() {
    var aggregator = Aggregation.averaging(.rounds).aggregator()
    var local: [Float] = [0, 0]
    func rebase(_ values: [Float], isMerged: Bool) {
      values.withUnsafeBytes { values in
        local.withUnsafeMutableBufferPointer { aggregator.rebase($0, on: values, isMerged: isMerged) }
      }
    }
    rebase([1, 2], isMerged: false)
    #expect(local == [1, 2] && aggregator.reference == [1, 2])
    local = [1.5, 2.5]
    let frame = FrameWriter()
    delta(1, []) { head in
      local.withUnsafeBufferPointer { aggregator.push($0, as: head, into: frame) }
    }
    local = [1.75, 2.75]
    rebase([5, 6], isMerged: false)
    #expect(local == [5.75, 6.75], "others' work, under what was pushed and trained since")
    rebase([5.5, 6.5], isMerged: true)
    #expect(local == [5.75, 6.75] && aggregator.reference == [5.5, 6.5])
  }
}
