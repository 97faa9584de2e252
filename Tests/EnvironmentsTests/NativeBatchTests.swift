// Autoreset, time limits, seeds and first states of native batches.

import Environments
import Experience
import Testing

@Suite struct NativeBatchTests {
  @Test(arguments: EnvironmentCatalog.allCases)
  func conforms(_ environment: EnvironmentCatalog) throws {
    try Conformance(make: { try environment.make(count: $0, seed: $1) }).run()
  }

  private let upright = CartPole()
  private let falling = CartPole(position: 0, velocity: 0, angle: 0.2, angularVelocity: 3)

  private func flags(_ batch: any EnvironmentBatch) -> [StepFlags] {
    (0..<batch.count).map { StepFlags(rawValue: batch.flags[$0]) }
  }

  /// One tick in which every environment is at another point of its episode.
  @Test func rowsOfOneTick() throws {
    let batch = NativeBatch<CartPole>(count: 4, seed: 1)
    try batch.reset()
    batch.setState(upright, at: 0)  // goes on
    batch.setState(falling, at: 1, elapsed: 10)  // terminates
    batch.setState(upright, at: 2, elapsed: 499)  // is truncated
    batch.setState(falling, at: 3, elapsed: 499)  // terminates in the very last step
    try batch.step(actions: [1, 1, 1, 1])
    #expect(flags(batch) == [[], [.isLast, .isTerminal], .isLast, [.isLast, .isTerminal]])
    #expect((0..<4).map { batch.rewards[$0] } == [1, 1, 1, 1])

    try batch.step(actions: [0, 99, -5, 0])  // where the row was last, the action means nothing
    #expect(flags(batch) == [[], .isFirst, .isFirst, .isFirst])
    #expect((0..<4).map { batch.rewards[$0] } == [1, 0, 0, 0])

    try batch.step(actions: [0, 1, 0, 1])
    #expect(flags(batch) == [[], [], [], []])
    #expect((0..<4).map { batch.rewards[$0] } == [1, 1, 1, 1])
  }

  @Test func anEpisodeOfNActionsHasNPlusOneRows() throws {
    let batch = NativeBatch<MountainCar>(count: 1, seed: 3)
    try batch.reset()
    for tick in 1...402 {
      try batch.step(actions: [1])
      let expected: StepFlags = tick % 201 == 200 ? .isLast : tick % 201 == 0 ? .isFirst : []
      #expect(flags(batch) == [expected], "tick \(tick)")
    }
  }

  @Test func badActionNamesTheRow() throws {
    let batch = try EnvironmentCatalog.acrobot.make(count: 3, seed: 0)
    let actions: [Int32] = [0, 2, 3]
    #expect(throws: EnvironmentError.notReset(environment: "Acrobot-v1")) { try batch.step(actions: actions) }
    try batch.reset()
    let error = EnvironmentError.invalidAction(
      environment: "Acrobot-v1", row: 2, expected: "0 to 2", found: "3")
    #expect(throws: error) { try batch.step(actions: actions) }
    #expect(error.description == "Acrobot-v1: action of row 2: expected 0 to 2, found 3")
  }

  /// An environment's episodes depend on the seed and its index, not on how many others there are.
  @Test func episodesDoNotDependOnTheCount() throws {
    let small = NativeBatch<CartPole>(count: 2, seed: 9)
    let large = NativeBatch<CartPole>(count: 50, seed: 9)
    try small.reset()
    try large.reset()
    for _ in 0..<200 {
      try small.step(actions: [1, 0])
      try large.step(actions: (0..<50).map { Int32(($0 + 1) % 2) })
    }
    for index in 0..<8 {
      let rows = [small, large].map { $0.observations.assumingMemoryBound(to: Float.self)[index] }
      #expect(rows[0] == rows[1])
    }
  }

  /// First states fill Gymnasium's ranges and stay inside: 4,000 draws, mean within five standard
  /// errors.
  @Test func firstStatesAreUniform() throws {
    func check(_ values: [Double], _ low: Double, _ high: Double) {
      #expect(values.allSatisfy { low <= $0 && $0 <= high })
      let mean = values.reduce(0, +) / Double(values.count)
      #expect(abs(mean - (low + high) / 2) < 5 * (high - low) / (12 * Double(values.count)).squareRoot())
      #expect(values.max()! > high - (high - low) / 100)
      #expect(values.min()! < low + (high - low) / 100)
    }
    let poles = NativeBatch<CartPole>(count: 4000, seed: 11)
    let pendulums = NativeBatch<Acrobot>(count: 4000, seed: 11)
    let cars = NativeBatch<MountainCar>(count: 4000, seed: 11)
    try poles.reset()
    try pendulums.reset()
    try cars.reset()
    let indices = 0..<4000
    for path in [\CartPole.position, \.velocity, \.angle, \.angularVelocity] {
      check(indices.map { poles.state(at: $0)[keyPath: path] }, -0.05, 0.05)
    }
    for element in 0..<4 { check(indices.map { pendulums.state(at: $0).state[element] }, -0.1, 0.1) }
    check(indices.map { cars.state(at: $0).position }, -0.6, -0.4)
    #expect(indices.allSatisfy { cars.state(at: $0).velocity == 0 })
  }
}
