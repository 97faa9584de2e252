// Whole greedy episodes.

internal import Algorithms
internal import Environments
internal import Experience
internal import Foundations

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

  /// The returns `[episodes]` of fresh greedy episodes. Each environment plays a number of them that is fixed beforehand: of
  /// those that end first there would be too many short ones.
  ///
  /// - Parameter attend: called between steps, and while one takes long; true ends it without a result.
  func play(_ policy: QPolicy, episodes: Int, attend: () throws -> Bool) throws -> [Double]? {
    let count = environments.count
    var left = (0..<count).map { episodes / count + ($0 < episodes % count ? 1 : 0) }
    var running = Array(repeating: 0.0, count: count)
    var returns: [Double] = []
    // Greedy acting draws nothing.
    var generator = SeededGenerator(seed: 0)
    try environments.beginReset(seed: nil)
    guard try finish(attend) else { return nil }
    while returns.count < episodes {
      policy.act(
        observations: environments.observations, count: count, epsilons: nil, generator: &generator,
        actions: &actions, qSelected: &qSelected, qMax: &qMax)
      try environments.beginStep(actions: actions)
      guard try finish(attend) else { return nil }
      for index in 0..<count where left[index] > 0 {
        running[index] += Double(environments.rewards[index])
        if StepFlags(rawValue: environments.flags[index]).contains(.isLast) {
          returns.append(running[index])
          running[index] = 0
          left[index] -= 1
        }
      }
    }
    return returns
  }

  private func finish(_ attend: () throws -> Bool) throws -> Bool {
    repeat {
      if try attend() { return false }
    } while try !environments.waitBriefly()
    try environments.finishStep()
    return true
  }
}
