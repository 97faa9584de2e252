// Whole greedy episodes.

internal import Algorithms
internal import Environments
internal import Experience
internal import Foundations

/// A finished episode: the sum of its rewards, and how many actions it took.
struct EpisodeOutcome: Hashable, Sendable {
  var total = 0.0
  var length = 0
}

/// Plays greedy episodes in the environments of a batch.
final class EpisodeRunner {
  let environments: any EnvironmentBatch
  private var actions: [Int32]
  private var qSelected: [Float]
  private var qMax: [Float]

  init(_ environments: any EnvironmentBatch) {
    self.environments = environments
    actions = Array(repeating: 0, count: environments.count)
    qSelected = Array(repeating: 0, count: environments.count)
    qMax = Array(repeating: 0, count: environments.count)
  }

  /// The returns `[count]` of one fresh greedy episode each.
  func play(_ policy: QPolicy) throws -> [Double] {
    try play(policy, episodes: environments.count).map(\.total)
  }

  /// Plays exactly so many fresh episodes. How many each environment plays is fixed before the first step: taking the first that
  /// finish would prefer short ones.
  func play(_ policy: QPolicy, episodes: Int) throws -> [EpisodeOutcome] {
    let count = environments.count
    var outcomes: [EpisodeOutcome] = []
    outcomes.reserveCapacity(episodes)
    var open = Array(repeating: EpisodeOutcome(), count: count)
    var left = (0..<count).map { episodes / count + ($0 < episodes % count ? 1 : 0) }
    // Greedy acting draws nothing.
    var generator = SeededGenerator(seed: 0)
    try environments.reset()
    while outcomes.count < episodes {
      policy.act(
        observations: environments.observations, count: count, epsilons: nil, generator: &generator,
        actions: &actions, qSelected: &qSelected, qMax: &qMax)
      try environments.step(actions: actions)
      for index in 0..<count where left[index] > 0 {
        let flags = StepFlags(rawValue: environments.flags[index])
        // The row after an episode's last is the next one's first: nothing was done in between.
        if flags.contains(.isFirst) { continue }
        open[index].total += Double(environments.rewards[index])
        open[index].length += 1
        guard flags.contains(.isLast) else { continue }
        outcomes.append(open[index])
        open[index] = EpisodeOutcome()
        left[index] -= 1
      }
    }
    return outcomes
  }
}
