// Plays greedy episodes to their end.

internal import Algorithms
internal import Environments
internal import Experience
internal import Foundations

/// A finished episode: the sum of its rewards, and its number of actions.
struct EpisodeOutcome: Hashable, Sendable {
  var total = 0.0
  var length = 0
}

/// Plays greedy episodes in the environments of a batch.
final class EpisodeRunner {
  let environments: any EnvironmentBatch
  private let rows: PolicyRows
  private let stacks: FrameStacks

  /// - Parameter frameStack: observations in one policy input.
  init(_ environments: any EnvironmentBatch, frameStack: Int = 1) {
    self.environments = environments
    stacks = FrameStacks(
      count: environments.count, frames: frameStack, frameBytes: environments.spec.observationByteCount)
    rows = PolicyRows(count: environments.count, actions: environments.spec.actions)
  }

  /// Plays new greedy episodes. Each environment plays a number of them that is fixed beforehand:
  /// counting those that end first would favour short ones.
  ///
  /// - Parameter attend: called between steps and during long ones; true stops without a result.
  /// - Returns: nil if `attend` stopped it.
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
        // An episode's first row follows no action.
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
