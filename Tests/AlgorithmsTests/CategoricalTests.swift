// The categorical distribution.

import Experience
import Foundations
import Glibc
import Numerics
import Testing

@testable import Algorithms

@Suite struct CategoricalTests {
  private let three = Categorical(count: 3)
  private let logits: [Float] = [0.5, -1, 2]

  @Test func probabilitiesAndEntropy() {
    // exp(0.5), exp(−1), exp(2) over their sum 9.405657.
    let expected: [Float] = [0.175291, 0.039113, 0.785597]
    for action in 0..<3 {
      #expect((expf(three.logProbability(logits, of: action)) - expected[action]).magnitude < 1e-6)
    }
    #expect((three.entropy(logits) - 0.6215847).magnitude < 1e-6)
    #expect((three.entropy([1, 1, 1]) - logf(3)).magnitude < 1e-6)
    #expect(three.mode(logits) == 2)
  }

  /// Probabilities of 0 and 1, logits far beyond exp's range, and one that masks its action.
  @Test(arguments: [[1e4, 0, -1e4], [-1e30, -1e30, 5], [0, -Float.infinity, 0]] as [[Float]])
  func extremeLogitsStayFinite(logits: [Float]) {
    #expect(three.entropy(logits).isFinite)
    #expect(three.logProbability(logits, of: three.mode(logits)).isFinite)
    var gradient = [Float](repeating: .nan, count: 3)
    three.writeLossGradient(logits, of: three.mode(logits), advantage: 2, entropyCost: 0.1, to: &gradient)
    #expect(gradient.allSatisfy { $0.isFinite })
    for number in [Float(0), 0.3, 0.6, Float(1).nextDown] {
      #expect(three.logProbability(logits, of: three.action(logits, drawn: number)) > -100)
    }
  }

  @Test func drawsFollowTheProbabilities() {
    var generator = SeededGenerator(seed: 3)
    var counts = [0, 0, 0]
    let draws = 60_000
    for _ in 0..<draws { counts[three.action(logits, drawn: generator.uniformFloat())] += 1 }
    let squares = (0..<3).map { action in
      let expected = Double(expf(three.logProbability(logits, of: action))) * Double(draws)
      return (Double(counts[action]) - expected) * (Double(counts[action]) - expected) / expected
    }
    // χ² with 2 degrees of freedom: above 13.8 once in a thousand seeds.
    #expect(squares.reduce(0, +) < 13.8)
  }

  @Test func lossGradientIsThatOfTheLoss() {
    func loss(_ logits: [Float]) -> Float {
      -1.7 * three.logProbability(logits, of: 1) - 0.3 * three.entropy(logits)
    }
    var gradient = [Float](repeating: .nan, count: 3)
    three.writeLossGradient(logits, of: 1, advantage: 1.7, entropyCost: 0.3, to: &gradient)
    for index in 0..<3 {
      var (above, below) = (logits, logits)
      above[index] += 1e-2
      below[index] -= 1e-2
      #expect((gradient[index] - (loss(above) - loss(below)) / 2e-2).magnitude < 1e-4)
    }
  }
}

@Suite struct StochasticPolicyTests {
  private func policy() throws -> StochasticPolicy {
    let policy = try StochasticPolicy(trajectoryNetwork, batchMax: 4)
    var generator = SeededGenerator(seed: 2)
    try Algorithm.actorCritic(ActorCriticConfiguration(), trajectoryNetwork)
      .initialParameters(using: &generator).withUnsafeBufferPointer { policy.importParameters(from: $0) }
    return policy
  }

  private let observations: [Float] = (0..<20).map { Float($0 % 7) - 3 }

  @Test func recordsTheLogProbabilityOfItsDraws() throws {
    let policy = try policy()
    let rows = PolicyRows(count: 4, actions: .discrete(3), recording: [StochasticPolicy.logProbability])
    let actions = rows.actions.assumingMemoryBound(to: Int32.self)
    let recorded = rows.recorded[0].assumingMemoryBound(to: Float.self)
    var generator = SeededGenerator(seed: 1)
    var counts = [[Int]](repeating: [0, 0, 0], count: 4)
    var logs = [[Float]](repeating: [0, 0, 0], count: 4)
    let epsilons: [Float] = [0, 0, 0, 0]
    for _ in 0..<4000 {
      policy.act(
        observations: observations, count: 4, exploration: epsilons, generator: &generator, rows: rows)
      for row in 0..<4 {
        counts[row][Int(actions[row])] += 1
        logs[row][Int(actions[row])] = recorded[row]
      }
    }
    for row in 0..<4 {
      #expect((logs[row].map { expf($0) }.reduce(0, +) - 1).magnitude < 1e-5)
      for action in 0..<3 {
        let share = Float(counts[row][action]) / 4000
        #expect((share - expf(logs[row][action])).magnitude < 0.04)
      }
    }
  }

  @Test func greedilyItTakesTheLikeliest() throws {
    let policy = try policy()
    let rows = PolicyRows(count: 4, actions: .discrete(3))
    var generator = SeededGenerator(seed: 1)
    var untouched = generator
    policy.act(observations: observations, count: 4, exploration: nil, generator: &generator, rows: rows)
    #expect(generator.next() == untouched.next(), "it draws nothing")
    let network = try Network(spec: trajectoryNetwork.spec, batchMax: 4)
    var seeded = SeededGenerator(seed: 2)
    network.initialize(using: &seeded)
    let logits = network.forward(observations, count: 4)
    let actions = rows.actions.assumingMemoryBound(to: Int32.self)
    for row in 0..<4 {
      #expect(Int(actions[row]) == indexOfLargest(logits + row * 3, count: 3))
      #expect(rows.stateValues[row] == network.outputs(head: 1)[row])
    }
  }
}
