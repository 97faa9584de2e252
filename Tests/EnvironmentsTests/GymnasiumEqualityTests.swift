// Native environments against Gymnasium's own episodes, step for step.

import Environments
import Experience
import Testing

/// Makes a native state from the float64 state of a fixture.
private protocol StateFromFixture: NativeEnvironment {
  init(_ state: [Double])
  var elements: [Double] { get }
  /// Actions until which a native run is compared. Unstable dynamics turn one unit in the last
  /// place of another libm's sine into a difference in float32 within about a hundred steps.
  static var freeRunSteps: Int { get }
}

extension CartPole: StateFromFixture {
  init(_ state: [Double]) {
    self.init(position: state[0], velocity: state[1], angle: state[2], angularVelocity: state[3])
  }
  var elements: [Double] { [position, velocity, angle, angularVelocity] }
  static var freeRunSteps: Int { 100 }
}

extension Acrobot: StateFromFixture {
  init(_ elements: [Double]) { self.init(state: SIMD4(elements)) }
  var elements: [Double] { (0..<4).map { state[$0] } }
  static var freeRunSteps: Int { 40 }
}

extension MountainCar: StateFromFixture {
  init(_ state: [Double]) { self.init(position: state[0], velocity: state[1]) }
  var elements: [Double] { [position, velocity] }
  static var freeRunSteps: Int { 200 }
}

private func row(_ batch: any EnvironmentBatch) -> [Float] {
  let elements = batch.spec.observationElementCount
  return Array(
    UnsafeBufferPointer(start: batch.observations.assumingMemoryBound(to: Float.self), count: elements))
}

private func flags(_ batch: any EnvironmentBatch) -> StepFlags { StepFlags(rawValue: batch.flags[0]) }

private func expectNear(_ found: [Double], _ expected: [Double], _ place: String) {
  for (a, b) in zip(found, expected) {
    // 1e-13: a few units in the last place, for a libm that rounds a sine differently.
    #expect(abs(a - b) <= 1e-13 * max(1, abs(b)), "state, \(place): \(found) ≠ \(expected)")
  }
}

/// One step from each of Gymnasium's float64 states: rewards, flags and observations are equal.
private func expectEqualSteps<Native: StateFromFixture>(_ type: Native.Type) throws {
  let batch = NativeBatch<Native>(count: 1, seed: 0)
  for (number, episode) in try EpisodeFixture.read(Native.spec.id).enumerated() {
    batch.setState(Native(episode.states[0]), at: 0)
    #expect(flags(batch) == episode.flags[0])
    // The first observation may differ by one unit in the last place of float32, see `Acrobot`.
    for (a, b) in zip(row(batch), episode.observations[0]) { #expect(abs(a - b) <= b.ulp) }
    for (step, action) in episode.actions.enumerated() {
      let place = "\(Native.spec.id) episode \(number) step \(step)"
      batch.setState(Native(episode.states[step]), at: 0, elapsed: step)
      try batch.step(actions: [action])
      #expect(row(batch) == episode.observations[step + 1], "\(place)")
      #expect(batch.rewards[0] == episode.rewards[step], "\(place)")
      #expect(flags(batch) == episode.flags[step + 1], "\(place)")
      expectNear(batch.state(at: 0).elements, episode.states[step + 1], place)
    }
    #expect(flags(batch).contains(.isLast))
  }
}

/// A native run from Gymnasium's first state with the same actions: equal as far as it is compared.
private func expectEqualRuns<Native: StateFromFixture>(_ type: Native.Type) throws {
  let batch = NativeBatch<Native>(count: 1, seed: 0)
  for (number, episode) in try EpisodeFixture.read(Native.spec.id).enumerated() {
    batch.setState(Native(episode.states[0]), at: 0)
    for (step, action) in episode.actions.prefix(Native.freeRunSteps).enumerated() {
      let place = "\(Native.spec.id) episode \(number) step \(step)"
      try batch.step(actions: [action])
      #expect(row(batch) == episode.observations[step + 1], "\(place)")
      #expect(batch.rewards[0] == episode.rewards[step], "\(place)")
      #expect(flags(batch) == episode.flags[step + 1], "\(place)")
    }
  }
}

@Suite struct GymnasiumEqualityTests {
  @Test func cartPoleStepsAsGymnasium() throws { try expectEqualSteps(CartPole.self) }
  @Test func acrobotStepsAsGymnasium() throws { try expectEqualSteps(Acrobot.self) }
  @Test func mountainCarStepsAsGymnasium() throws { try expectEqualSteps(MountainCar.self) }
  @Test func cartPoleRunsAsGymnasium() throws { try expectEqualRuns(CartPole.self) }
  @Test func acrobotRunsAsGymnasium() throws { try expectEqualRuns(Acrobot.self) }
  @Test func mountainCarRunsAsGymnasium() throws { try expectEqualRuns(MountainCar.self) }

  /// The fixtures have both kinds of episode ends for every environment.
  @Test(arguments: EnvironmentCatalog.allCases)
  func fixturesHoldBothEndings(_ environment: EnvironmentCatalog) throws {
    let endings = try EpisodeFixture.read(environment.spec.id).compactMap(\.flags.last)
    #expect(endings.contains([.isLast, .isTerminal]))
    #expect(endings.contains(.isLast))
  }
}
