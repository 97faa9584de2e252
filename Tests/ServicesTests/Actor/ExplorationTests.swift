// ε of an actor's environments over a run.

import Algorithms
import Configuration
import Foundations
import Testing

@testable import Services

@Suite struct ExplorationTests {
  private func exploration(_ base: Schedule, environments: Int = 8) -> Exploration {
    var configuration = EpsilonConfiguration()
    configuration.base = base
    return Exploration(configuration, environments: environments)
  }

  @Test func aConstantBaseIsTheLadder() {
    var exploration = exploration(0.4)
    let ladder = ExplorationLadder()
    #expect(exploration.epsilons == (0..<8).map { ladder.epsilon(index: $0, count: 8) })
    let isChanged = exploration.advance(to: RunClock(updates: 1e6, envSteps: 1e6))
    #expect(!isChanged)
  }

  @Test func theWholeLadderFollowsTheBase() {
    var exploration = exploration(Schedule(.linear, from: 1, to: 0.1, over: 1000, by: .envSteps))
    #expect(exploration.epsilons == Array(repeating: 1, count: 8) && exploration.largest == 1)
    let byUpdates = exploration.advance(to: RunClock(updates: 500))
    #expect(!byUpdates, "updates are the other clock")
    let byHalf = exploration.advance(to: RunClock(envSteps: 500))
    let ladder = ExplorationLadder(base: 0.55)
    #expect(byHalf && exploration.epsilons == (0..<8).map { ladder.epsilon(index: $0, count: 8) })
    let toTheEnd = exploration.advance(to: RunClock(envSteps: 5000))
    let beyond = exploration.advance(to: RunClock(envSteps: 6000))
    #expect(toTheEnd && !beyond && exploration.largest == 0.1)
  }
}
