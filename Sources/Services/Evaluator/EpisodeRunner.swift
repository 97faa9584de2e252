// Whole greedy episodes.

internal import Algorithms
internal import Environments
internal import Experience
internal import Foundations

/// Plays one episode in each environment of a batch.
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
    let count = environments.count
    var returns = Array(repeating: 0.0, count: count)
    var isRunning = Array(repeating: true, count: count)
    var running = count
    // Greedy acting draws nothing.
    var generator = SeededGenerator(seed: 0)
    try environments.reset()
    while running > 0 {
      policy.act(
        observations: environments.observations, count: count, epsilons: nil, generator: &generator,
        actions: &actions, qSelected: &qSelected, qMax: &qMax)
      try environments.step(actions: actions)
      for index in 0..<count where isRunning[index] {
        returns[index] += Double(environments.rewards[index])
        if StepFlags(rawValue: environments.flags[index]).contains(.isLast) {
          isRunning[index] = false
          running -= 1
        }
      }
    }
    return returns
  }
}
