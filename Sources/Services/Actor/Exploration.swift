// How much an actor explores.

internal import Algorithms
internal import Configuration
internal import Foundations

/// ε of each environment: a ladder whose base may follow a schedule.
struct Exploration {
  private let base: Schedule
  private var ladder: ExplorationLadder
  /// ε of each environment.
  private(set) var epsilons: [Float]

  init(_ configuration: EpsilonConfiguration, environments: Int) {
    base = configuration.base
    ladder = ExplorationLadder(
      base: Float(base.value(at: RunClock())), alpha: Float(configuration.exponent))
    epsilons = Array(repeating: 0, count: environments)
    climb()
  }

  /// ε of the first environment, the largest.
  var largest: Float { ladder.base }

  /// Follows the schedule. True if ε has changed.
  mutating func advance(to clock: RunClock) -> Bool {
    guard !base.isConstant else { return false }
    let next = Float(base.value(at: clock))
    guard next != ladder.base else { return false }
    ladder.base = next
    climb()
    return true
  }

  private mutating func climb() {
    for index in epsilons.indices { epsilons[index] = ladder.epsilon(index: index, count: epsilons.count) }
  }
}
