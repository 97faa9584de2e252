// The sum of the actors' steps, as reported, saved and published.

import Experience
import Foundations
import TestSupport
import Testing
import Wire

@testable import Services

@Suite struct EnvStepCountTests {
  private func name(_ actor: UInt64) -> PublicName { Fixtures.id(actor).publicName }

  @Test func eachActorsGrowthCountsOnce() {
    var count = EnvStepCount()
    count.record(100, of: name(1))
    count.record(50, of: name(2))
    count.record(100, of: name(1))
    #expect(count.total == 150)
    count.record(130, of: name(1))
    count.record(129, of: name(1))
    count.record(131, of: name(1))
    #expect(count.total == 181, "a count that falls and rises again adds nothing twice")
    #expect(count.actors.map(\.envSteps) == [50, 131], "the last one to report comes last")
  }

  @Test(arguments: [-1, .nan, .infinity, 1e16, -.infinity])
  func countsThatNoActorHasAreIgnored(_ value: Double) {
    var count = EnvStepCount(total: 7)
    count.record(value, of: name(1))
    #expect(count.total == 7 && count.actors.isEmpty)
  }

  /// Any number of actors come and go: those that report are always known.
  @Test func theActorsThatAreKeptAreBounded() {
    var count = EnvStepCount()
    for round in 1...3 as ClosedRange<UInt64> {
      for actor in 0..<UInt64(Limits.processes) {
        count.record(Double(round), of: name(0))
        count.record(1, of: name(round << 20 + actor))
      }
    }
    #expect(count.actors.count == Limits.processes)
    #expect(count.total == 3 + 3 * UInt64(Limits.processes))
  }

  /// A restarted server counts on from what it saved, whatever of the reports it had received.
  @Test(arguments: Seeds.list(count: 50)) func aRestartCountsNothingTwice(seed: UInt64) {
    var draw = SeededGenerator(seed: seed, part: "steps")
    var (count, saved) = (EnvStepCount(), EnvStepCount())
    var stepped: [Double] = [0, 0, 0]
    for _ in 0..<200 {
      let actor = draw.below(3)
      stepped[actor] += Double(draw.below(50))
      count.record(stepped[actor], of: name(UInt64(actor)))
      if draw.below(5) == 0 { saved = count }
      if draw.below(20) == 0 { count = saved }
    }
    for actor in 0..<3 { count.record(stepped[actor], of: name(UInt64(actor))) }
    #expect(Double(count.total) == stepped.reduce(0, +), "\(Seeds.replay(seed))")
  }

  @Test func areSavedAndPublishedWithTheWeights() throws {
    var server = ServerHarness()
    _ = server.join(1)
    server.report(5, service: "actor", counters: ["env_steps_total": 300], over: 5)
    server.report(6, service: "actor", counters: ["env_steps_total": 20], over: 6)
    server.report(7, service: "player", counters: ["env_steps_total": 1000], over: 7)
    server.report(1, service: "learner", counters: ["env_steps_total": 1000], over: 1)
    #expect(server.delta(1, 1, [1, 1]) == nil)
    #expect(server.published().map(\.envSteps) == [320])
    server.report(5, service: "actor", counters: ["env_steps_total": 310], over: 5)
    #expect(server.advance(1100).last?.envSteps == 330, "also while there is no new version")
    let kept = try #require(server.machine.authority.store.last)
    var next = ServerHarness(state: kept, incarnation: 98)
    next.report(5, service: "actor", counters: ["env_steps_total": 320], over: 5)
    next.report(8, service: "actor", counters: ["env_steps_total": 1], over: 8)
    #expect(next.advance(1100).last?.envSteps == 341)
  }
}
