// The parameter server's files of earlier versions.

import Configuration
import Experience
import Foundation
import TestSupport
import Testing

@testable import Services

/// `parameters.rookery` in format 1 (slots of WEIGHTS messages of
/// protocol version 1): 180 versions of a network with a hidden layer of 4, learned by one learner.
@Suite struct OldParameterFileTests {
  private let folder = TemporaryFolder()
  private var path: String { folder.path + "/parameters.rookery" }

  private static func fixture(_ format: Int = 1) throws -> [UInt8] {
    let path = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../Fixtures/parameters/version\(format).rookery")
    return Array(try Data(contentsOf: path))
  }

  private func write(_ bytes: [UInt8]) throws { try Data(bytes).write(to: URL(filePath: path)) }

  @Test func isTakenUpAndWrittenAnew() throws {
    try write(try Self.fixture())
    let store = try FileParameterStore(path: path)
    var state = try #require(try store.load())
    #expect(store.notice == nil)
    #expect(state.version == 180 && state.updates == 15_512)
    #expect(state.manifest.tensors.first == TensorSpec(name: "trunk.0.weight", shape: [4, 4]))
    #expect(state.values.count == state.manifest.elementCount && state.values.allSatisfy { $0.isFinite })
    let id = Identifier(high: 0xA7B0_75B6_459D_F6EF, low: 0xA75E_46BF_6EA1_3B3B)
    #expect(state.merged == [Merged(learner: id.publicName, sequence: 179)])
    #expect(try Data(contentsOf: URL(filePath: path)) == Data(Self.fixture()), "only read so far")
    for _ in 0..<3 {
      state.version += 1
      try store.save(state)
      #expect(try FileParameterStore(path: path).load() == state)
    }
  }

  /// Format 2 has no clock and no milestones: the clock is the number of updates.
  @Test func formatTwoIsTakenUpAndWrittenAnew() throws {
    let old = try Self.fixture(2)
    try write(old)
    let store = try FileParameterStore(path: path)
    var state = try #require(try store.load())
    #expect(store.notice == nil && state.milestone == nil)
    #expect(state.version > 1 && state.updates >= 300 && state.clock == Double(state.updates))
    #expect(state.values.count == state.manifest.elementCount && state.values.allSatisfy { $0.isFinite })
    #expect(try Data(contentsOf: URL(filePath: path)) == Data(old), "only read so far")
    state.milestone = Milestone(version: state.version, clock: state.clock, values: state.values)
    for _ in 0..<3 {
      state.version += 1
      state.clock += 0.5
      try store.save(state)
      #expect(try FileParameterStore(path: path).load() == state)
    }
  }

  /// Format 3 has no vectors beside the milestone, which it keeps.
  @Test func formatThreeIsTakenUpAndWrittenAnew() throws {
    let old = try Self.fixture(3)
    try write(old)
    let store = try FileParameterStore(path: path)
    var state = try #require(try store.load())
    #expect(store.notice == nil && state.vectors.isEmpty)
    #expect(state.version == 7 && state.updates == 928 && state.clock == 928)
    #expect(state.milestone?.version == 1 && state.milestone?.values.count == state.values.count)
    #expect(state.values.count == state.manifest.elementCount && state.values.allSatisfy { $0.isFinite })
    #expect(try Data(contentsOf: URL(filePath: path)) == Data(old), "only read so far")
    var outer = OuterConfiguration()
    outer.momentum = 0.9
    let merger = Aggregation.averaging(.rounds, outer: outer).merger(parameters: state.values.count)
    #expect(merger.prepare(&state)?.contains("it begins at zero") == true)
    for _ in 0..<3 {
      state.version += 1
      try store.save(state)
      #expect(try FileParameterStore(path: path).load() == state)
    }
  }

  /// Format 4 has vectors and env steps; no versions are reserved.
  @Test func formatFourIsTakenUpAndWrittenAnew() throws {
    let old = try Self.fixture(4)
    try write(old)
    let store = try FileParameterStore(path: path)
    var state = try #require(try store.load())
    #expect(store.notice == nil && state.vectors.map(\.name) == [OuterStep.vector])
    #expect(state.vectors[0].number == 0.9 && state.vectors[0].values.contains { $0 != 0 })
    #expect(state.reserved == 0 && state.envSteps.total > 100_000 && state.updates > 90_000)
    #expect(try Data(contentsOf: URL(filePath: path)) == Data(old), "only read so far")
    for reserved in [0, 10, 20] as [UInt64] {
      state.version += 1
      state.reserved = reserved
      try store.save(state)
      #expect(try FileParameterStore(path: path).load() == state)
    }
  }

  /// A process that ends before it writes the new header leaves the old slots whole.
  @Test func isWholeUntilTheNewSlotsAre() throws {
    let old = try Self.fixture()
    try write(old)
    let store = try FileParameterStore(path: path)
    var state = try #require(try store.load())
    let kept = state
    state.version += 1
    try store.save(state)
    var headless = Array(try Data(contentsOf: URL(filePath: path)))
    headless.replaceSubrange(0..<4096, with: old[0..<4096])
    try write(headless)
    #expect(try FileParameterStore(path: path).load() == kept)
  }

  @Test func aDamagedSlotFallsBackToTheOther() throws {
    var damaged = try Self.fixture()
    damaged[4096 + 200] ^= 1
    try write(damaged)
    let store = try FileParameterStore(path: path)
    let state = try #require(try store.load())
    #expect(
      state.version == 181 && state.merged.first?.sequence == 178, "version 180 may have been published")
    #expect(store.notice?.contains("using those of version 179, as version 181") == true)
    damaged[4096 + (damaged.count - 4096) / 2 + 200] ^= 1
    try write(damaged)
    let error = #expect(throws: ParameterStoreError.self) { try FileParameterStore(path: path).load() }
    #expect(error?.description.contains("expected whole weights in one of two slots, found none") == true)
  }
}
