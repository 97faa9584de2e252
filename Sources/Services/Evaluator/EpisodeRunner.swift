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
  private let rows: PolicyRows
  private let stacks: FrameStacks

  /// - Parameter frameStack: observations that the policy sees at once.
  init(_ environments: any EnvironmentBatch, frameStack: Int = 1) {
    self.environments = environments
    stacks = FrameStacks(
      count: environments.count, frames: frameStack, frameBytes: environments.spec.observationByteCount)
    rows = PolicyRows(count: environments.count, actions: environments.spec.actions)
  }

  /// Plays so many fresh greedy episodes. Each environment plays a number of them that is fixed beforehand: of those that end
  /// first there would be too many short ones.
  ///
  /// - Parameter attend: called between steps, and while one takes long; true ends it without a result.
  func play(_ policy: any Policy, episodes: Int, attend: () throws -> Bool) throws -> [EpisodeOutcome]? {
    let count = environments.count
    var left = (0..<count).map { episodes / count + ($0 < episodes % count ? 1 : 0) }
    var open = Array(repeating: EpisodeOutcome(), count: count)
    var outcomes: [EpisodeOutcome] = []
    // Greedy acting draws nothing.
    var generator = SeededGenerator(seed: 0)
    try environments.beginReset(seed: nil)
    guard try finish(attend) else { return nil }
    while outcomes.count < episodes {
      policy.act(
        observations: stacks.push(environments), count: count, exploration: nil, generator: &generator,
        rows: rows)
      try environments.beginStep(actions: rows.actions)
      guard try finish(attend) else { return nil }
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

  private func finish(_ attend: () throws -> Bool) throws -> Bool {
    repeat {
      if try attend() { return false }
    } while try !environments.waitBriefly()
    try environments.finishStep()
    return true
  }
}
