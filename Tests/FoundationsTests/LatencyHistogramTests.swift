// Percentiles against sorted lists.

import Foundations
import Testing

@Suite struct LatencyHistogramTests {
  /// The definition: the value of rank ⌈q·n⌉.
  private func exact(_ sorted: [Int64], _ fraction: Double) -> Int64 {
    sorted[max(1, Int((fraction * Double(sorted.count)).rounded(.up))) - 1]
  }

  @Test(arguments: [UInt64(1), 2, 3])
  func quantilesAreWithinThreePercent(_ seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var histogram = LatencyHistogram()
    // Values of every magnitude that an Int64 has.
    let values = (0..<20_000).map { _ in Int64(generator.next() >> UInt64(1 + generator.below(63))) }
    for value in values { histogram.record(nanoseconds: value) }
    let sorted = values.sorted()
    for fraction in [0, 0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 1] {
      let truth = exact(sorted, fraction)
      let found = histogram.quantile(fraction).nanoseconds
      #expect(
        found >= truth && Double(found) <= Double(truth) * (1 + 1.0 / 32), "q \(fraction), seed \(seed)")
    }
    #expect(histogram.max.nanoseconds == sorted.last)
    #expect(histogram.count == values.count)
  }

  @Test func smallValuesAreExact() {
    for value in Int64(0)..<64 {
      var histogram = LatencyHistogram()
      histogram.record(nanoseconds: value)
      histogram.record(nanoseconds: 1 << 40)
      #expect(histogram.quantile(0.5).nanoseconds == value)
    }
  }

  @Test func extremesStayInside() {
    var histogram = LatencyHistogram()
    #expect(histogram.quantile(0.99) == .zero)
    #expect(histogram.mean == .zero)
    for value in [Int64.max, .min, -1, 0, 1 << 62, (1 << 62) - 1] { histogram.record(nanoseconds: value) }
    #expect(histogram.quantile(1).nanoseconds == .max)
    #expect(histogram.quantile(0) == .zero)
    #expect(histogram.quantile(-5) == .zero)
    #expect(histogram.quantile(.nan).nanoseconds == .max)
    #expect(histogram.quantile(.infinity).nanoseconds == .max)
    #expect(histogram.mean.nanoseconds > 1 << 61)
  }

  @Test func mergeIsRecordingBoth() {
    var generator = SeededGenerator(seed: 5)
    var left = LatencyHistogram()
    var right = LatencyHistogram()
    var both = LatencyHistogram()
    for index in 0..<1000 {
      let value = Int64(generator.below(1_000_000))
      if index % 3 == 0 { left.record(nanoseconds: value) } else { right.record(nanoseconds: value) }
      both.record(Instant.Span(nanoseconds: value))
    }
    left.merge(right)
    #expect(left.count == both.count && left.max == both.max && left.mean == both.mean)
    for percent in 0...100 {
      #expect(left.quantile(Double(percent) / 100) == both.quantile(Double(percent) / 100))
    }
    left.reset()
    #expect(left.count == 0 && left.max == .zero && left.quantile(0.5) == .zero)
  }
}
