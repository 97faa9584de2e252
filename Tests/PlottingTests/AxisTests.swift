// Ticks and their labels.

import Foundations
import TestSupport
import Testing

@testable import Plotting

@Suite struct AxisTests {
  @Test func roundTicks() {
    #expect(Axis(from: 0, to: 500).ticks == [0, 100, 200, 300, 400, 500])
    #expect(Axis(from: -497, to: -83, about: 5).ticks == [-500, -400, -300, -200, -100, 0])
    #expect(Axis(from: 0, to: 0.9).labels == ["0", "0.2", "0.4", "0.6", "0.8", "1.0"])
    #expect(Axis(from: 0, to: 960_000).labels == ["0", "0.2 M", "0.4 M", "0.6 M", "0.8 M", "1.0 M"])
    #expect(Axis(from: 0, to: 100_000).labels == ["0", "20 k", "40 k", "60 k", "80 k", "100 k"])
    #expect(Axis(from: 0, to: 10).labels == ["0", "2", "4", "6", "8", "10"])
    #expect(Axis(from: -0.2, to: 0.1, about: 3).labels == ["−0.2", "−0.1", "0", "0.1"])
  }

  @Test func oneValueHasRoomAroundIt() {
    for value in [0.0, 9.5, -3, 1e12] {
      let axis = Axis(from: value, to: value)
      #expect(axis.low < value && value < axis.high && axis.ticks.count > 1)
    }
  }

  /// For any range: few ticks, evenly spaced, around everything, with different labels.
  @Test(arguments: 0..<200) func property(_ seed: Int) {
    var generator = SeededGenerator(seed: UInt64(seed))
    let scale = (0..<generator.below(25)).reduce(1e-9) { power, _ in power * 10 }
    let low = (generator.uniform() - 0.5) * scale
    let high = low + generator.uniform() * scale + scale * 1e-3
    let axis = Axis(from: low, to: high)
    #expect(
      axis.low <= low + scale * 1e-9 && high - scale * 1e-9 <= axis.high,
      "seed \(seed): \(low) \(high) \(axis)")
    #expect((2...16).contains(axis.ticks.count), "seed \(seed): \(axis)")
    #expect(axis.fraction(axis.low) == 0 && axis.fraction(axis.high) == 1, "seed \(seed)")
    if scale > 1e-6 { #expect(Set(axis.labels).count == axis.ticks.count, "seed \(seed): \(axis.labels)") }
  }
}
