// The ε-greedy policy.

import Algorithms
import Experience
import Foundations
import Numerics
import Testing

/// One input, three actions with Q = bias: action 1 is best.
private func policy(biases: [Float], batchMax: Int) throws -> QPolicy {
  let spec = NetworkSpec.mlp(inputs: 1, hidden: [], outputs: biases.count, dueling: false)
  let policy = try QPolicy(spec: spec, batchMax: batchMax)
  let parameters = [Float](repeating: 0, count: biases.count) + biases
  parameters.withUnsafeBufferPointer { policy.importParameters(from: $0) }
  return policy
}

private struct Choices {
  var actions: [Int32]
  var qSelected: [Float]
  var qMax: [Float]

  init(_ policy: QPolicy, count: Int, epsilons: [Float]?, generator: inout SeededGenerator) {
    let observations = [Float](repeating: 1, count: count)
    let rows = PolicyRows(count: count, actions: .discrete(policy.spec.outputs))
    if let epsilons {
      policy.act(
        observations: observations, count: count, exploration: epsilons, generator: &generator, rows: rows)
    } else {
      policy.act(
        observations: observations, count: count, exploration: nil, generator: &generator, rows: rows)
    }
    actions = (0..<count).map { rows.actions.assumingMemoryBound(to: Int32.self)[$0] }
    qSelected = (0..<count).map { rows.actionValues[$0] }
    qMax = (0..<count).map { rows.stateValues[$0] }
  }
}

@Suite struct QPolicyTests {
  @Test func greedyTakesTheFirstBestAndDrawsNothing() throws {
    let policy = try policy(biases: [0.5, 2, 2, -1], batchMax: 10)
    var generator = SeededGenerator(seed: 1)
    var untouched = generator
    let choices = Choices(policy, count: 10, epsilons: nil, generator: &generator)
    #expect(choices.actions == [Int32](repeating: 1, count: 10))
    #expect(choices.qSelected == [Float](repeating: 2, count: 10) && choices.qMax == choices.qSelected)
    #expect(generator.next() == untouched.next())
  }

  @Test func eachRowHasItsOwnEpsilon() throws {
    let policy = try policy(biases: [0, 1, 2], batchMax: 3000)
    var generator = SeededGenerator(seed: 2)
    let epsilons: [Float] = (0..<3000).map { $0 % 3 == 0 ? 0 : $0 % 3 == 1 ? 0.3 : 1 }
    let choices = Choices(policy, count: 3000, epsilons: epsilons, generator: &generator)
    var counts = [[Int]](repeating: [0, 0, 0], count: 3)
    for row in 0..<3000 {
      let action = choices.actions[row]
      counts[row % 3][Int(action)] += 1
      #expect(choices.qSelected[row] == Float(action) && choices.qMax[row] == 2)
    }
    #expect(counts[0] == [0, 0, 1000])
    // With ε = 0.3 each other action is expected 100 times, with ε = 1, 333 times; the limits are
    // five standard deviations.
    #expect(counts[1][0..<2].allSatisfy { abs($0 - 100) < 48 })
    #expect(counts[2].allSatisfy { abs($0 - 333) < 75 })
  }

  @Test func initialParametersAreSeeded() throws {
    let spec = NetworkSpec.mlp(inputs: 1, hidden: [], outputs: 2, dueling: false)
    let algorithm = Algorithm.dqn(DQNConfiguration(), spec)
    func parameters(_ seed: UInt64) throws -> [Float] {
      var generator = SeededGenerator(seed: seed)
      return try algorithm.initialParameters(using: &generator)
    }
    #expect(try parameters(3) == parameters(3) && parameters(3) != parameters(4))
    let (policy, rule) = (try algorithm.policy(batchMax: 1), try algorithm.rule(batchMax: 1))
    #expect(policy.parameterCount == 4 && rule.parameterCount == 4)
    #expect(try algorithm.manifest() == rule.manifest)
  }

  @Test func manifestNamesTheTensors() throws {
    let manifest = try NetworkSpec.mlp(inputs: 4, hidden: [8], outputs: 2, dueling: true).manifest()
    #expect(
      manifest.tensors == [
        TensorSpec(name: "trunk.0.weight", shape: [8, 4]), TensorSpec(name: "trunk.0.bias", shape: [8]),
        TensorSpec(name: "value.weight", shape: [1, 8]), TensorSpec(name: "value.bias", shape: [1]),
        TensorSpec(name: "advantage.weight", shape: [2, 8]), TensorSpec(name: "advantage.bias", shape: [2]),
      ])
    #expect(
      try QPolicy(spec: .mlp(inputs: 4, hidden: [8], outputs: 2, dueling: true), batchMax: 1).parameterCount
        == manifest.elementCount)
  }
}
