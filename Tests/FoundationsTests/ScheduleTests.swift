// Settings that change while a run learns.

import Foundations
import TestSupport
import Testing

@Suite struct ScheduleTests {
  private func values(_ schedule: Schedule, _ updates: [Double]) -> [Double] {
    updates.map { schedule.value(at: RunClock(updates: $0)) }
  }

  @Test func aConstantIsAlwaysTheSame() {
    #expect(values(0.25, [0, 1, 1e18]) == [0.25, 0.25, 0.25])
    #expect(Schedule(.constant, from: 1, to: 2, over: 10).value(at: RunClock(updates: 10)) == 1)
    #expect(Schedule.constant(3) == 3 && Schedule.constant(3).isConstant)
  }

  @Test func linearGoldenValues() {
    let schedule = Schedule(.linear, from: 0.0005, to: 0.0001, over: 100_000)
    #expect(values(schedule, [0, 100_000, 1e15]) == [0.0005, 0.0001, 0.0001])
    for (updates, value) in [(25_000, 0.0004), (50_000, 0.0003), (75_000, 0.0002)] {
      #expect(abs(schedule.value(at: RunClock(updates: Double(updates))) - value) < 1e-18)
    }
  }

  /// Those of `torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=8, eta_min=0.5)` from 2.
  @Test func cosineGoldenValues() {
    let schedule = Schedule(.cosine, from: 2, to: 0.5, over: 8)
    let expected = [
      2, 1.942_909_649_383_465, 1.780_330_085_889_911, 1.537_012_574_273_817, 1.25, 0.962_987_425_726_182,
      0.719_669_914_110_089, 0.557_090_350_616_535, 0.5, 0.5,
    ]
    for (found, value) in zip(values(schedule, (0...9).map(Double.init)), expected) {
      #expect(abs(found - value) < 1e-12)
    }
  }

  @Test func theClockIsTheOneAskedFor() {
    let clock = RunClock(updates: 5, envSteps: 50)
    #expect(Schedule(.linear, from: 0, to: 100, over: 100).value(at: clock) == 5)
    #expect(Schedule(.linear, from: 0, to: 100, over: 100, by: .envSteps).value(at: clock) == 50)
  }

  /// Exact at both ends, monotone, and never beyond them, up or down.
  @Test(arguments: Seeds.list(count: 200)) func staysBetweenItsEnds(seed: UInt64) {
    var draw = SeededGenerator(seed: seed, part: "schedule")
    let (from, to) = (draw.uniform() * 10, draw.uniform() * 1e-3)
    let ends = draw.below(2) == 0 ? (from, to) : (to, from)
    let over = 1 + Double(draw.below(1 << 30))
    for shape in [Schedule.Shape.linear, .cosine] {
      let schedule = Schedule(shape, from: ends.0, to: ends.1, over: over, by: .envSteps)
      func value(_ envSteps: Double) -> Double { schedule.value(at: RunClock(envSteps: envSteps)) }
      #expect(value(0) == ends.0 && value(-1) == ends.0 && value(over) == ends.1 && value(over + 1) == ends.1)
      var before = ends.0
      for step in 1...100 {
        let now = value(over * Double(step) / 100)
        #expect(ends.0 < ends.1 ? now >= before && now <= ends.1 : now <= before && now >= ends.1)
        before = now
      }
    }
  }
}
