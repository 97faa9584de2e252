// V-trace's fixed point, against the exact solution of a small decision process.

import Algorithms
import Glibc
import Testing

/// Three states and two actions with known transitions, rewards and policies.
private struct SmallProcess {
  let discount = 0.8
  /// `[state][action][next]`
  let transitions: [[[Double]]] = [
    [[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]], [[0.3, 0.3, 0.4], [0.5, 0.5, 0]], [[0, 0.6, 0.4], [0.2, 0.3, 0.5]],
  ]
  /// `[state][action]`
  let rewards: [[Double]] = [[1, -0.5], [0.2, 2], [-1, 0.7]]
  let behaviour: [[Double]] = [[0.8, 0.2], [0.3, 0.7], [0.5, 0.5]]
  let target: [[Double]] = [[0.3, 0.7], [0.9, 0.1], [0.6, 0.4]]

  /// π_ρ̄(a|s) ∝ min(ρ̄·μ(a|s), π(a|s)) (Espeholt et al. 2018, equation 3).
  func clipped(_ rhoMax: Double) -> [[Double]] {
    (0..<3).map { state in
      let mass = (0..<2).map { min(rhoMax * behaviour[state][$0], target[state][$0]) }
      return mass.map { $0 / (mass[0] + mass[1]) }
    }
  }

  /// The exact value of a policy, by iteration to the end of float64's precision.
  func value(of policy: [[Double]]) -> [Double] {
    var values = [0.0, 0, 0]
    for _ in 0..<400 {
      values = (0..<3).map { state in
        (0..<2).reduce(0) { sum, action in
          let next = zip(transitions[state][action], values).reduce(0) { $0 + $1.0 * $1.1 }
          return sum + policy[state][action] * (rewards[state][action] + discount * next)
        }
      }
    }
    return values
  }

  /// E[v_s] over all trajectories of n steps from a state, drawn by the behaviour policy.
  func expectedTarget(from state: Int, steps: Int, values: [Double], _ vtrace: VTrace) -> Double {
    var expected = 0.0
    func extend(_ states: [Int], _ actions: [Int], _ probability: Double) {
      let state = states[states.count - 1]
      guard actions.count < steps else {
        expected += probability * target0(states, actions, values, vtrace)
        return
      }
      for action in 0..<2 {
        for next in 0..<3 where transitions[state][action][next] > 0 {
          extend(
            states + [next], actions + [action],
            probability * behaviour[state][action] * transitions[state][action][next])
        }
      }
    }
    extend([state], [], 1)
    return expected
  }

  private func target0(_ states: [Int], _ actions: [Int], _ values: [Double], _ vtrace: VTrace) -> Double {
    let steps = actions.count
    let logRatios = zip(states, actions).map { logf(Float(target[$0][$1] / behaviour[$0][$1])) }
    let rewards = zip(states, actions).map { Float(self.rewards[$0][$1]) } + [0]
    let flags = [UInt8](repeating: 0, count: steps + 1)
    let own = states.map { Float(values[$0]) }
    var targets = [Float](repeating: 0, count: steps)
    var advantages = targets
    rewards.withUnsafeBufferPointer { rewards in
      flags.withUnsafeBufferPointer { flags in
        own.withUnsafeBufferPointer { own in
          vtrace.compute(
            Trajectory(
              steps: steps, discount: Float(discount), rewards: rewards.baseAddress!,
              flags: flags.baseAddress!, values: own.baseAddress!),
            logRatios: logRatios, targets: &targets, advantages: &advantages)
        }
      }
    }
    return Double(targets[0])
  }
}

@Suite struct VTraceFixedPointTests {
  /// The value of π_ρ̄ is where the expected correction is 0, whatever c̄, λ and n. The values of π
  /// and μ are not, unless they are the same policy.
  @Test(arguments: [0.5, 1, 1.5, 1000], [Float(0), 0.4, 1])
  func fixedPointIsTheClippedPolicysValue(rhoMax: Double, cMax: Float) {
    let process = SmallProcess()
    let values = process.value(of: process.clipped(rhoMax))
    let others = [process.behaviour, process.target].map { process.value(of: $0) }
    for lambda in [Float(0.5), 1] {
      let vtrace = VTrace(rhoMax: Float(rhoMax), cMax: cMax, lambda: lambda)
      for steps in 1...4 {
        var largest = [0.0, 0, 0]
        for state in 0..<3 {
          for (index, candidate) in ([values] + others).enumerated() {
            let target = process.expectedTarget(from: state, steps: steps, values: candidate, vtrace)
            largest[index] = max(largest[index], abs(target - candidate[state]))
          }
        }
        #expect(largest[0] < 2e-6, "λ \(lambda), n \(steps)")
        #expect(largest[1] > 0.01, "the behaviour's value is no fixed point")
        if rhoMax <= 1.5 { #expect(largest[2] > 0.01, "nor is the target's") }
      }
    }
  }
}
