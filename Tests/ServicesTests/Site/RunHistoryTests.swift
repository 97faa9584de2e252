// A run's curves in bounded memory.

import Experience
import Foundations
import TestSupport
import Testing
import Wire

@testable import Services

@Suite struct RunHistoryTests {
  /// However many points are appended, the series has at most its capacity, covers them evenly and
  /// keeps their mean.
  @Test(arguments: Seeds.list(count: 20)) func thinning(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed, part: "thinning")
    let capacity = 2 * Int.random(in: 1...40, using: &generator)
    let count = Int.random(in: 1...capacity * 20, using: &generator)
    var series = ThinnedSeries<HistorySample>(capacity: capacity)
    var raw: [Double] = []
    var generations = Set([series.generation])
    var (isBounded, isKept) = (true, true)
    for number in 0..<count {
      let value = Double.random(in: -10...10, using: &generator)
      raw.append(value)
      let (seen, generation) = (series.points.map(\.seconds), series.generation)
      series.append(HistorySample(seconds: Double(number)) { $0 == .updateToActionP99 ? abs(value) : value })
      isBounded = isBounded && series.points.count < capacity
      // Earlier points do not change within a generation.
      isKept = isKept && (series.generation != generation || series.points.map(\.seconds).starts(with: seen))
      generations.insert(series.generation)
    }
    #expect(isBounded && isKept, "\(Seeds.replay(seed))")
    let stride = series.stride
    #expect(stride == 1 << series.generation && generations.count == series.generation + 1)
    // The points cover the whole run except the newest, incomplete point.
    #expect(series.points.count == count / stride, "\(Seeds.replay(seed))")
    for (index, point) in series.points.enumerated().suffix(50) {
      let part = raw[index * stride..<(index + 1) * stride]
      #expect(point.seconds == Double((index + 1) * stride - 1))
      #expect(abs(point[.staleness] - part.reduce(0, +) / Double(stride)) < 1e-9, "\(Seeds.replay(seed))")
      #expect(point[.updateToActionP99] == part.map(abs).max())
    }
    // The stride is no larger than necessary.
    #expect(series.generation == 0 || count >= capacity * stride / 2)
  }

  @Test func whatIsMissingDoesNotPullTheMeanDown() {
    var point = HistorySample(seconds: 1) { $0 == .staleness ? 4 : nil }
    point.merge(HistorySample(seconds: 2) { $0 == .replayFill ? 0.5 : .infinity }, count: 1, others: 1)
    #expect(point.seconds == 2 && point[.staleness] == 4 && point[.replayFill] == 0.5)
    #expect(point[.envStepsPerSecond].isNaN)
  }

  @Test func evaluationsKeepTheirBand() {
    var point = HistoryEvaluation(seconds: 1, version: 1, mean: 10, least: 5, greatest: 15)
    point.merge(
      HistoryEvaluation(seconds: 2, version: 3, mean: 40, least: 7, greatest: 50), count: 2, others: 1)
    #expect(point.mean == 20 && point.least == 5 && point.greatest == 50 && point.version == 3)
  }

  @Test func onlyFiniteEvaluationsAreKept() {
    var history = RunHistory()
    for value in [Double.nan, .infinity, 1e301] { history.append(SiteFixtures.evaluation(value), seconds: 1) }
    history.append(SiteFixtures.evaluation(3, kind: .confirmation), seconds: 1)
    #expect(history.evaluations.points.isEmpty)
    history.append(SiteFixtures.evaluation(3), seconds: 1)
    #expect(history.evaluations.points.map(\.mean) == [3])
  }
}
