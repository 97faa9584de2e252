// A queue with a bound on staleness: the oldest weights first, and what is too old is removed.

import Experience
import Foundations
import Testing

@testable import ReplayStore

@Suite struct StalenessTests {
  private func store(_ bound: StalenessBound, length: Int = 3) throws -> ReplayStore {
    var table = TableConfiguration(
      schema: TableSchema(
        name: "replay", kind: .sequence(length: length, period: length - 1, episodes: .cross)),
      sampler: .fifo,
      timesSampledMax: 1)
    table.staleness = bound
    return try makeStore(capacity: 1000, table)
  }

  /// Two more steps of a stream, and with the first of them an item's last.
  private func insert(
    _ store: ReplayStore, _ stream: UInt32, _ first: UInt64, version: UInt64, writer: Int = 0
  ) throws {
    let message = Message().chunk(stream, first, flags: [0, 0], version: version)
    if first >= 2 { message.item(stream, first - 2, 3) }
    _ = try store.insert(message, writer: writer)
  }

  private func draw(_ store: ReplayStore, _ count: Int) throws -> (streams: [Float], versions: [UInt64]) {
    var draw = Draw()
    var generator = SeededGenerator(seed: 1)
    try store.sample(table: 0, count: count, generator: &generator, into: &draw)
    var versions = [UInt64](repeating: 0, count: count)
    try versions.withUnsafeMutableBufferPointer {
      try store.gatherWeightsVersions(draw, into: $0.baseAddress!)
    }
    let observation = try rawBatch(store, draw, table: 0)[0]
    let width = observation.count / count
    let streams = observation.withUnsafeBytes { bytes in
      (0..<count).map { bytes.loadUnaligned(fromByteOffset: $0 * width, as: Float.self) }
    }
    return (streams, versions)
  }

  /// Versions of the items' first steps are 5, 9, 3; an item with a context step has its second
  /// step's, which is in the same chunk or the next.
  @Test(arguments: [StalenessBound.Keeping.drop, .pace, .correct])
  func theOldestWeightsAreServedFirst(keeping: StalenessBound.Keeping) throws {
    let store = try store(StalenessBound(max: 100, keeping: keeping))
    for (stream, version) in [(0, 5), (1, 9), (2, 3)] as [(UInt32, UInt64)] {
      for first in [0, 2] as [UInt64] { try insert(store, stream, first, version: version) }
    }
    #expect(store.size(ofTable: 0) == 3)
    var found = try draw(store, 2)
    #expect(found.streams == [2, 0] && found.versions == [3, 5])
    found = try draw(store, 1)
    #expect(found.streams == [1] && found.versions == [9])
    #expect(store.size(ofTable: 0) == 0)
  }

  /// Of equal weights the item that came first.
  @Test func equalWeightsAreServedInOrder() throws {
    let store = try store(StalenessBound(max: 0))
    for stream in [3, 1, 2] as [UInt32] {
      for first in [0, 2] as [UInt64] { try insert(store, stream, first, version: 1) }
    }
    #expect(try draw(store, 3).streams == [3, 1, 2])
  }

  /// Steps 0 and 1 were acted with version 4, steps 2 and 3 with version 6, steps 4 and 5 with 8.
  /// The items begin at 0 and 2.
  @Test(arguments: [
    (StalenessBound.Keeping.drop, 3, [4, 6] as [UInt64]), (.pace, 3, [4, 6]), (.drop, 4, [4]),
    (.pace, 4, [4]),
  ])
  func theVersionIsThatOfTheFirstTrainedStep(
    keeping: StalenessBound.Keeping, length: Int, expected: [UInt64]
  ) throws {
    let store = try store(StalenessBound(max: 9, keeping: keeping), length: length)
    for (first, version) in [(0, 4), (2, 6), (4, 8)] as [(UInt64, UInt64)] {
      let message = Message().chunk(0, first, flags: [0, 0], version: version)
      if length == 3, first >= 2 { message.item(0, first - 2, 3) }
      if length == 4, first == 2 { message.item(0, 0, 4) }
      _ = try store.insert(message, writer: 0)
    }
    #expect(try draw(store, expected.count).versions == expected)
  }

  /// With a context step, an item whose first step is the last of a chunk has the next chunk's
  /// version.
  @Test func aContextStepOfAnOlderChunkDoesNotCount() throws {
    let store = try store(StalenessBound(max: 0, keeping: .pace))
    _ = try store.insert(Message().chunk(0, 0, flags: [0], version: 4), writer: 0)
    _ = try store.insert(Message().chunk(0, 1, flags: [0, 0], version: 5).item(0, 0, 3), writer: 0)
    #expect(store.ages(ofTable: 0, at: 5) == [1])
    #expect(store.removeOutdated(table: 0, at: 5).isEmpty)
    #expect(try draw(store, 1).versions == [5])
  }

  @Test func whatIsTooOldIsRemovedAndCountedByWriter() throws {
    let store = try store(StalenessBound(max: 2, keeping: .drop))
    for (stream, version, writer) in [(0, 5, 0), (1, 6, 1), (2, 4, 1), (3, 7, 1)] as [(UInt32, UInt64, Int)] {
      for first in [0, 2] as [UInt64] { try insert(store, stream, first, version: version, writer: writer) }
    }
    #expect(store.ages(ofTable: 0, at: 7) == [1, 1, 2])
    #expect(store.removeOutdated(table: 0, at: 6).isEmpty)
    #expect(store.removeOutdated(table: 0, at: 8) == [0: 1, 1: 1])
    #expect(store.statistics.tables[0].itemsOutdated == 2)
    let found = try draw(store, 2)
    #expect(found.streams == [1, 3] && found.versions == [6, 7])
    #expect(store.removeOutdated(table: 0, at: 100).isEmpty)
  }

  @Test func correctRemovesNothing() throws {
    let store = try store(StalenessBound(max: 0, keeping: .correct))
    for first in [0, 2] as [UInt64] { try insert(store, 0, first, version: 1) }
    #expect(store.removeOutdated(table: 0, at: 50).isEmpty)
    #expect(try draw(store, 1).versions == [1])
  }
}
