// Files that no store writes are refused, or recovered as far as they are whole. Fuzzing found
// these cases.

import Experience
import Foundations
import Glibc
import TestSupport
import Testing

@testable import ReplayStore

@Suite struct DamagedFolderTests {
  /// A store of three messages of four steps, whose files `damage` may change; then a store that
  /// resumes from them.
  private func reopen(
    _ table: TableConfiguration = transitionTable(1), as other: TableConfiguration? = nil,
    damage: (StoreFolder) throws -> Void = { _ in }
  ) throws -> ReplayStore {
    let folder = TemporaryFolder()
    defer { withExtendedLifetime(folder) {} }
    var configuration = ReplayStoreConfiguration(
      capacity: 20, tables: [table], storage: .file(path: folder.path))
    do {
      let store = try ReplayStore(configuration: configuration)
      try store.adopt(schema: Message.schema)
      try store.openWriter(0, id: Identifier(high: 1, low: 2), label: "actor-1", committed: 0)
      for chunk in 0..<3 as Range<UInt64> {
        let message = Message().chunk(0, chunk * 4, flags: [0, 0, 0, 0])
        for first in (chunk == 0 ? 0 : chunk * 4 - 1)..<chunk * 4 + 3 { message.item(0, first, 2) }
        _ = try store.insert(message.insertion(), writer: 0, sequence: chunk + 1)
        withExtendedLifetime(message) {}
      }
      try damage(try #require(store.ring?.folder))
    }
    if let other { configuration.tables = [other] }
    return try ReplayStore(configuration: configuration)
  }

  private func put<Value: FixedWidthInteger>(_ value: Value, in path: String, at offset: Int) throws {
    let descriptor = open(path, O_WRONLY)
    defer { close(descriptor) }
    let written = withUnsafeBytes(of: value.littleEndian) {
      pwrite(descriptor, $0.baseAddress!, $0.count, off_t(offset))
    }
    try #require(written == MemoryLayout<Value>.size)
  }

  private func refusal(_ damage: (StoreFolder) throws -> Void) -> String {
    do {
      _ = try reopen(damage: damage)
      return ""
    } catch { return "\(error)" }
  }

  @Test func headersOfNumbersThatCannotBeAreRefused() {
    let far = StoreHeader.numberMax + 1
    for commit in [
      StoreHeader.Commit(head: far, end: 3), StoreHeader.Commit(head: 12, end: .max),
      StoreHeader.Commit(head: 12, end: 3, writer: far), StoreHeader.Commit(head: 12, end: 3, sequence: .max),
    ] {
      #expect(refusal { $0.header.commit(commit) }.contains("remove the folder to start empty"), "\(commit)")
    }
    #expect(refusal { $0.header.nextWriter = .max }.contains("remove the folder to start empty"))
  }

  @Test func aHeaderThatIsLostIsToldAbout() throws {
    let store = try reopen { #expect(truncate("\($0.path)/header", 0) == 0) }
    #expect(store.recovery?.hasLostHeader == true && store.statistics.steps == 0)
    #expect(store.checkInvariants() == nil)
    #expect(try reopen().recovery?.hasLostHeader == false)
  }

  /// Otherwise the files that hold the chunks would be removed as unused.
  @Test func aDirectoryThatIsNotThereIsRefused() throws {
    var path = ""
    let text = refusal {
      $0.header.directoryBits = 20
      path = $0.path
      #expect(access("\(path)/chunks-10", F_OK) == 0)
    }
    #expect(text.contains("remove the folder to start empty"))
    #expect(!path.isEmpty)
  }

  @Test func writersThatCannotBeAreForgotten() throws {
    let writers = try reopen { folder in
      for number in 1...4 {
        try folder.writers.open(number, id: Identifier(high: 1, low: UInt64(number)), label: "", committed: 5)
      }
      let path = "\(folder.path)/writers"
      try put(UInt64.max, in: path, at: 1 * 64 + 16)
      try put(UInt64.max, in: path, at: 2 * 64 + 24)
      // A handle that another writer has.
      try put(1 as UInt64, in: path, at: 3 * 64 + 16)
    }.recovery?.writers
    #expect(writers?.map(\.handle) == [0, 4] && writers?.map(\.committed) == [3, 5])
  }

  @Test func recordsThatCannotBeEndTheStore() throws {
    for change in [
      { $0.firstIndex = .max }, { $0.weightsVersion = .max }, { $0.count = .max }, { $0.position = .max },
    ] as [(inout ChunkRecord) -> Void] {
      let store = try reopen { folder in
        var record = folder.chunks[1]
        change(&record)
        record.recordChecksum = record.expectedRecordChecksum
        folder.chunks[1] = record
      }
      #expect(store.checkInvariants() == nil)
      #expect(store.statistics.tail == 8 && store.statistics.head == 12)
    }
  }

  /// A span longer than the table's batches allow would be written past their end.
  @Test func itemsOfOtherSpansAreDropped() throws {
    let store = try reopen { folder in
      try put(9 as UInt16, in: "\(folder.path)/items-0", at: 2 * 8 + 4)
    }
    #expect(store.checkInvariants() == nil)
    #expect(store.recovery?.itemsDropped == 1 && store.recovery?.items == 10)
  }

  /// Its steps are lost, and their items with them, even after the file has grown again.
  @Test(arguments: [("rows", 0), ("items-0", 4000)]) func aFileThatIsTooShortLeavesNoItems(
    _ name: String, _ byteCount: Int
  ) throws {
    let store = try reopen { #expect(truncate("\($0.path)/\(name)", off_t(byteCount)) == 0) }
    #expect(store.statistics.tables[0].size == 0 && store.statistics.steps == 0)
    let message = Message().chunk(0, 12, flags: [UInt8](repeating: 0, count: 20), cut: true).item(0, 12, 2)
    #expect(try store.insert(message, writer: 0).items == 1)
    #expect(store.checkInvariants() == nil && store.statistics.tables[0].size == 1)
  }

  /// A later process may allow fewer samples of each item. Items that have had as many are removed,
  /// and sampling continues.
  @Test func itemsThatWereSampledMoreOftenAreGone() throws {
    let before = transitionTable(1, .fifo)
    var after = transitionTable(1, .fifo, timesSampledMax: 2)
    after.batchSizeMax = 4
    let store = try reopen(before, as: after) { folder in
      for slot in 0..<3 { try put(7 as UInt16, in: "\(folder.path)/items-0", at: slot * 8 + 6) }
    }
    #expect(store.checkInvariants() == nil)
    #expect(store.recovery?.itemsDropped == 0 && store.recovery?.items == 8)
    var draw = Draw()
    var generator = SeededGenerator(seed: 1)
    for _ in 0..<4 { try store.sample(table: 0, count: 4, generator: &generator, into: &draw) }
    #expect(store.statistics.tables[0].size == 0 && store.checkInvariants() == nil)
  }

  @Test func aLongLineIsShownInPart() {
    let text = refusal { folder in
      let line = String(repeating: "x", count: 100_000)
      try AtomicFile.replace(
        "\(folder.path)/identity", with: Array("rookery replay store 1\ncapacity \(line)\n".utf8))
    }
    #expect(!text.isEmpty && text.utf8.count < 1000, "\(text.utf8.count) bytes")
  }
}

@Suite struct LargerThanMemoryQueueTests {
  /// Its ring keeps a few slots free, which count neither for what fits nor for what an insert
  /// would evict.
  @Test func messagesThatFillTheRingAreRefusedOrHeldBack() throws {
    let folder = TemporaryFolder()
    var table = transitionTable(1, .fifo, timesSampledMax: 1)
    (table.batchSizeMax, table.itemsPerMessageMax) = (4, 40)
    var configuration = ReplayStoreConfiguration(
      capacity: 32, tables: [table], storage: .file(path: folder.path))
    configuration.residentMax = 0
    let store = try ReplayStore(configuration: configuration)
    try store.adopt(schema: Message.schema)
    let room = store.ring!.room
    #expect(room == 30)
    func insert(_ count: Int, from first: UInt64) throws {
      let message = Message().chunk(0, first, flags: [UInt8](repeating: 0, count: count))
      for index in (first == 0 ? 0 : first - 1)..<first + UInt64(count) - 1 { message.item(0, index, 2) }
      _ = try store.insert(message, writer: 0)
    }
    try insert(10, from: 0)
    // More than the ring holds.
    #expect(throws: ReplayStoreError.self) { try insert(32, from: 10) }
    // More than fits without evicting the oldest item, which is unread.
    try insert(20, from: 10)
    #expect(!store.canInsert(items: [1], steps: 1) && !store.canInsert(items: [1], steps: 1000))
    #expect(throws: ReplayStoreError.self) { try insert(1, from: 30) }
    #expect(store.statistics.tables[0].size == 29 && store.checkInvariants() == nil)
  }
}
