// Where fields lie in a store's files, so that other builds of the program can read them.

import Experience
import Testing

@testable import ReplayStore

@Suite struct LayoutTests {
  @Test func sizesAreThoseOfTheFormat() { StoreLayout.check() }

  @Test func chunkRecords() {
    let offsets: [PartialKeyPath<ChunkRecord>] = [
      \.position, \.firstIndex, \.weightsVersion, \.writer, \.stepsChecksum, \.sequence, \.stream, \.count,
      \.flags,
      \.recordChecksum,
    ]
    #expect(
      offsets.map { MemoryLayout<ChunkRecord>.offset(of: $0) } == [0, 8, 16, 24, 32, 40, 48, 52, 56, 60])
  }

  @Test func items() {
    let offsets: [PartialKeyPath<ItemRecord>] = [\.priority, \.span, \.timesSampled]
    #expect(offsets.map { MemoryLayout<ItemRecord>.offset(of: $0) } == [0, 4, 6])
    let entry: [PartialKeyPath<ItemJournal.Entry>] = [\.table, \.slot, \.before]
    #expect(entry.map { MemoryLayout<ItemJournal.Entry>.offset(of: $0) } == [0, 4, 8])
  }

  @Test func header() {
    let commit: [PartialKeyPath<StoreHeader.Commit>] = [\.head, \.end, \.writer, \.sequence]
    #expect(commit.map { MemoryLayout<StoreHeader.Commit>.offset(of: $0) } == [0, 8, 16, 24])
    let table: [PartialKeyPath<StoreHeader.TableMark>] = [\.inserts, \.samples, \.priorityMax, \.carried]
    #expect(table.map { MemoryLayout<StoreHeader.TableMark>.offset(of: $0) } == [0, 8, 16, 24])
  }

  /// Fields lie one after the other, the widest first.
  @Test func rows() {
    let layout = StepLayout(
      StepSchema(fields: [
        Field("observation", .uint8, shape: [3]), Field("action", .int32), Field("reward", .float32),
      ]))
    #expect(layout.places == [.row(8), .row(0), .row(4)])
    #expect(layout.flagsOffset == 11 && layout.rowStride == 16)
  }
}
