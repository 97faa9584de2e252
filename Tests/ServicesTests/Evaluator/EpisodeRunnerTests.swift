// The episodes that an evaluation counts.

import Algorithms
import Environments
import Experience
import Foundations
import Numerics
import Testing

@testable import Services

@Suite struct EpisodeRunnerTests {
  private let policy: QPolicy

  init() throws {
    policy = try QPolicy(spec: .mlp(inputs: 1, hidden: [], outputs: 2, dueling: false), batchMax: 8)
  }

  private func play(_ lengths: [Int], episodes: Int) throws -> [EpisodeOutcome] {
    let outcomes = try EpisodeRunner(ScriptedBatch(lengths: lengths))
      .play(policy, episodes: episodes, attend: { false })
    return try #require(outcomes)
  }

  /// Rewards and actions of an episode count; the row between two episodes does not.
  @Test func returnsAndLengths() throws {
    #expect(
      try play([3], episodes: 2) == [
        EpisodeOutcome(total: 7, length: 3), EpisodeOutcome(total: 7, length: 3),
      ])
    #expect(try play([1], episodes: 3).map(\.total) == [4, 4, 4])
  }

  /// Environment 0 ends ten times as often. Both still play their fixed number of episodes, so the
  /// mean is not biased.
  @Test(arguments: [1, 2, 5, 8, 20]) func shortEpisodesAreNotPreferred(_ episodes: Int) throws {
    let lengths = try play([1, 10], episodes: episodes).map(\.length)
    #expect(lengths.count == episodes)
    #expect(lengths.filter { $0 == 1 }.count == (episodes + 1) / 2)
  }

  @Test func itEndsWhenToldTo() throws {
    var calls = 0
    let outcomes = try EpisodeRunner(ScriptedBatch(lengths: [1000])).play(policy, episodes: 5) {
      calls += 1
      return calls == 20
    }
    #expect(outcomes == nil && calls == 20)
  }
}

/// Environment i's episodes have `lengths[i]` actions. Each earns 1, the last of several 5, a
/// single one 4.
private final class ScriptedBatch: EnvironmentBatch {
  let spec = EnvironmentSpec(
    id: "scripted", observationShape: [1], observationType: .float32, actions: .discrete(2))
  private let lengths: [Int]
  private var elapsed: [Int]
  private let rows: UnsafeMutablePointer<Float>
  private let rewardColumn: UnsafeMutablePointer<Float>
  private let flagColumn: UnsafeMutablePointer<UInt8>

  init(lengths: [Int]) {
    self.lengths = lengths
    elapsed = lengths.map { _ in 0 }
    rows = .allocate(capacity: lengths.count)
    rows.initialize(repeating: 0, count: lengths.count)
    rewardColumn = .allocate(capacity: lengths.count)
    rewardColumn.initialize(repeating: 0, count: lengths.count)
    flagColumn = .allocate(capacity: lengths.count)
    flagColumn.initialize(repeating: 0, count: lengths.count)
  }

  deinit {
    rows.deallocate()
    rewardColumn.deallocate()
    flagColumn.deallocate()
  }

  var count: Int { lengths.count }
  var observations: UnsafeRawPointer { UnsafeRawPointer(rows) }
  var rewards: UnsafePointer<Float> { UnsafePointer(rewardColumn) }
  var flags: UnsafePointer<UInt8> { UnsafePointer(flagColumn) }

  func reset(seed: UInt64?) { for index in 0..<count { begin(index) } }

  private func begin(_ index: Int) {
    elapsed[index] = 0
    // A reward between two episodes belongs to neither.
    rewardColumn[index] = 100
    flagColumn[index] = StepFlags.isFirst.rawValue
  }

  func beginStep(actions: UnsafeRawPointer) {
    for index in 0..<count {
      if StepFlags(rawValue: flagColumn[index]).contains(.isLast) {
        begin(index)
        continue
      }
      elapsed[index] += 1
      let isLast = elapsed[index] == lengths[index]
      rewardColumn[index] = isLast ? 5 : 1
      if lengths[index] == 1 { rewardColumn[index] = 4 }
      flagColumn[index] = isLast ? StepFlags([.isLast, .isTerminal]).rawValue : 0
    }
  }

  func finishStep() {}
}
