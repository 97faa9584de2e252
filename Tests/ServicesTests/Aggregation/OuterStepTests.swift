// The server's step along a round's merged delta.

import Configuration
import Experience
import Foundations
import TestSupport
import Testing
import Wire

@testable import Services

@Suite struct OuterStepTests {
  private static let count = 37
  private static let manifest = WeightsManifest(tensors: [TensorSpec(name: "w", shape: [count])])

  private static func outer(_ learningRate: Double, _ momentum: Double) -> OuterConfiguration {
    var outer = OuterConfiguration()
    (outer.learningRate, outer.momentum) = (learningRate, momentum)
    return outer
  }

  private static func merger(_ outer: OuterConfiguration) -> any Merger {
    Aggregation.averaging(.rounds, outer: outer).merger(parameters: count)
  }

  private struct Change {
    var learner: UInt64
    var updates: UInt64
    var transitions: UInt64
    var values: [Float]
    var restores = false
  }

  /// The deltas of a round, of one to three learners.
  private static func round(_ draw: inout SeededGenerator) -> [Change] {
    (0..<UInt64(1 + draw.below(3))).map { learner in
      let updates = UInt64(1 + draw.below(200))
      return Change(
        learner: learner, updates: updates, transitions: updates * UInt64(1 + draw.below(600)),
        values: (0..<count).map { _ in Float(draw.uniform() - 0.5) * Float(1 + draw.below(1000)) })
    }
  }

  private static func add(_ changes: [Change], to merger: inout any Merger) {
    for change in changes {
      change.values.withUnsafeBytes {
        merger.add(
          Delta(
            id: Fixtures.id(change.learner), sequence: 1, baseVersion: 1, updates: change.updates,
            transitions: change.transitions, restores: change.restores, oldestUpdate: 1, newestUpdate: 2,
            values: $0), now: .at(0))
      }
    }
  }

  private static func state(_ draw: inout SeededGenerator) -> ParameterState {
    ParameterState(
      version: 1, updates: 0, merged: [], manifest: manifest,
      values: (0..<count).map { _ in Float(draw.uniform()) })
  }

  /// The merge before there was an outer step, statement by statement.
  private static func plainly(_ changes: [Change], into values: inout [Float]) {
    var sum = [Float](repeating: 0, count: count)
    var weight = 0.0
    for change in changes {
      let u = Float(change.transitions)
      for index in 0..<count { sum[index] += u * change.values[index] }
      weight += Double(u)
    }
    let scale = Float(1 / weight)
    for index in 0..<count { values[index] += sum[index] * scale }
  }

  @Test(arguments: Seeds.list(count: 20)) func oneAndZeroAreAveragingBitForBit(seed: UInt64) {
    var draw = SeededGenerator(seed: seed, part: "outer")
    var state = Self.state(&draw)
    var expected = state.values
    var merger = Self.merger(Self.outer(1, 0))
    #expect(merger.prepare(&state) == nil && state.vectors.isEmpty)
    for _ in 0..<30 {
      let changes = Self.round(&draw)
      Self.add(changes, to: &merger)
      _ = merger.merge(into: &state)
      Self.plainly(changes, into: &expected)
      #expect(state.values.map(\.bitPattern) == expected.map(\.bitPattern), "\(Seeds.replay(seed))")
    }
    #expect(state.vectors.isEmpty)
  }

  /// v ← μ·v + Δ; θ += lr·(Δ + μ·v), as `torch.optim.SGD(nesterov=True)` computes it with the
  /// gradient −Δ.
  @Test(arguments: [(0.7, 0.9), (1, 0.5), (0.5, 0), (1.25, 0.999)])
  func followsTheFormula(_ learningRate: Double, _ momentum: Double) {
    var draw = SeededGenerator(seed: 5, part: "outer")
    var state = Self.state(&draw)
    var merger = Self.merger(Self.outer(learningRate, momentum))
    #expect(merger.prepare(&state) == nil)
    var (values, velocity) = (state.values.map(Double.init), [Double](repeating: 0, count: Self.count))
    for _ in 0..<50 {
      let changes = Self.round(&draw)
      Self.add(changes, to: &merger)
      let merged = merger.merge(into: &state)
      let weight = changes.reduce(0) { $0 + Double($1.transitions) }
      for index in 0..<Self.count {
        let delta = changes.reduce(0) { $0 + Double($1.transitions) * Double($1.values[index]) } / weight
        velocity[index] = momentum * velocity[index] + delta
        values[index] += learningRate * (delta + momentum * velocity[index])
        #expect(abs(Double(state.values[index]) - values[index]) <= 1e-4 * max(1, abs(values[index]), 1000))
      }
      #expect(merged.count == changes.reduce(0) { $0 + $1.updates })
    }
  }

  @Test func goldenValues() {
    var state = ParameterState(
      version: 1, updates: 0, merged: [], manifest: ServerHarness.manifest, values: [1, -1])
    var merger = Aggregation.averaging(.rounds, outer: Self.outer(0.5, 0.5)).merger(parameters: 2)
    #expect(merger.prepare(&state) == nil)
    var found: [[Float]] = []
    for values in [[4, 8], [0, 0], [-2, 0]] as [[Float]] {
      Self.add([Change(learner: 1, updates: 1, transitions: 8, values: values)], to: &merger)
      _ = merger.merge(into: &state)
      found.append(state.values)
    }
    // v: 4, 2, -1 and 8, 4, 2.
    #expect(found == [[4, 5], [4.5, 6], [3.25, 6.5]])
    #expect(state.vectors == [StateVector(name: "outer_momentum", number: 0.5, values: [-1, 2])])
  }

  /// A server that is restarted after each round, with the file, goes on bit for bit.
  @Test func aRestartGoesOnBitForBit() throws {
    let folder = TemporaryFolder()
    let path = folder.path + "/parameters.rookery"
    var draw = SeededGenerator(seed: 9, part: "outer")
    let outer = Self.outer(0.7, 0.9)
    var state = Self.state(&draw)
    var restarted = state
    var merger = Self.merger(outer)
    #expect(merger.prepare(&state) == nil)
    for version in 2...12 as ClosedRange<UInt64> {
      let changes = Self.round(&draw)
      Self.add(changes, to: &merger)
      _ = merger.merge(into: &state)
      state.version = version
      let store = try FileParameterStore(path: path)
      restarted = try store.load() ?? restarted
      var other = Self.merger(outer)
      #expect(other.prepare(&restarted) == nil)
      Self.add(changes, to: &other)
      _ = other.merge(into: &restarted)
      restarted.version = version
      try store.save(restarted)
      #expect(restarted == state)
    }
  }

  /// What a diverged learner restores is merged as it is: momentum would carry the weights past it.
  @Test func aRestoredRoundIsMergedPlainly() {
    var state = ParameterState(
      version: 1, updates: 0, merged: [], manifest: ServerHarness.manifest, values: [0, 0])
    var merger = Aggregation.averaging(.rounds, outer: Self.outer(0.5, 0.5)).merger(parameters: 2)
    #expect(merger.prepare(&state) == nil)
    Self.add([Change(learner: 1, updates: 1, transitions: 8, values: [1e18, 8])], to: &merger)
    _ = merger.merge(into: &state)
    let back = state.values.map { -$0 }
    Self.add([Change(learner: 1, updates: 1, transitions: 8, values: back, restores: true)], to: &merger)
    _ = merger.merge(into: &state)
    #expect(state.values == [0, 0] && state.vectors.map(\.values) == [[0, 0]])
    Self.add([Change(learner: 1, updates: 1, transitions: 8, values: [4, 8])], to: &merger)
    _ = merger.merge(into: &state)
    #expect(state.values == [3, 6], "the next round steps again")
  }

  @Test func anotherSettingIsTakenUpAndSaid() {
    func prepare(_ momentum: Double, _ kept: StateVector?, version: UInt64 = 7) -> ([StateVector], String?) {
      var state = ParameterState(
        version: version, updates: 0, merged: [], manifest: ServerHarness.manifest, values: [0, 0])
      state.vectors = kept.map { [$0] } ?? []
      let notice = Aggregation.averaging(.rounds, outer: Self.outer(1, momentum)).merger(parameters: 2)
        .prepare(&state)
      return (state.vectors, notice)
    }
    let kept = StateVector(name: OuterStep.vector, number: 0.9, values: [1, 2])
    #expect(prepare(0.9, kept) == ([kept], nil))
    let (lower, said) = prepare(0.5, kept)
    #expect(lower == [StateVector(name: OuterStep.vector, number: 0.5, values: [1, 2])])
    #expect(said?.contains("0.5, and was 0.9 when the weights were saved: the saved momentum") == true)
    let (none, dropped) = prepare(0, kept)
    #expect(none.isEmpty && dropped?.contains("their momentum is dropped") == true)
    let (zeros, begun) = prepare(0.9, nil)
    #expect(zeros.map(\.values) == [[0, 0]] && begun?.contains("the saved weights have none") == true)
    #expect(prepare(0.9, nil, version: 1).1 == nil, "a new run")
    var damaged = kept
    damaged.values[1] = .nan
    let (replaced, reason) = prepare(0.9, damaged)
    #expect(replaced.map(\.values) == [[0, 0]] && reason?.contains("not finite") == true)
    let (foreign, other) = prepare(0, StateVector(name: "adam.m", number: 0, values: [1, 2]))
    #expect(foreign.isEmpty && other?.contains("adam.m") == true)
  }
}
