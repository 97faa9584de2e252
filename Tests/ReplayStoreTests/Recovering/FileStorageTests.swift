// Stores that outlive their process.

import Experience
import Foundations
import Glibc
import TestSupport
import Testing

@testable import ReplayStore

@Suite struct FileStorageTests {
  @Test func randomHistoriesGoOnInLaterProcesses() throws {
    for seed in 0..<60 as Range<UInt64> {
      let folder = TemporaryFolder()
      var history = try History(seed: seed, storage: .file(path: folder.path))
      for step in 0..<60 {
        if step % 7 == 6 { try history.reopen() }
        if let problem = try history.act() {
          Issue.record("seed \(seed), step \(step): \(problem)")
          return
        }
      }
      #expect(history.accepted > 2, "seed \(seed): hardly anything was accepted")
    }
  }

  @Test func anotherStoreIsRefusedWithTheDifference() throws {
    let folder = TemporaryFolder()
    func configuration(_ capacity: Int, _ nStep: Int) -> ReplayStoreConfiguration {
      ReplayStoreConfiguration(
        capacity: capacity, tables: [transitionTable(nStep)], storage: .file(path: folder.path))
    }
    try ReplayStore(configuration: configuration(10, 1)).adopt(schema: Message.schema)
    #expect(throws: Never.self) { try ReplayStore(configuration: configuration(10, 1)) }
    #expect(
      problem { _ = try ReplayStore(configuration: configuration(11, 1)) }.contains(
        "expected 'capacity 11', found 'capacity 10'"))
    #expect(problem { _ = try ReplayStore(configuration: configuration(10, 2)) }.contains("nStep: 2"))
    let store = try ReplayStore(configuration: configuration(10, 1))
    #expect(store.schema == Message.schema)
    let other = StepSchema.discrete(observation: [3])
    #expect(
      problem { try store.adopt(schema: other) }.contains(
        "expected observation: float32[2], found observation: float32[3]"))
    let identity = "\(folder.path)/identity"
    let text = String(decoding: try bytes(of: identity), as: UTF8.self)
    try AtomicFile.replace(identity, with: Array(text.replacing("store 1", with: "store 2").utf8))
    #expect(
      problem { _ = try ReplayStore(configuration: configuration(10, 1)) }.contains(
        "found 'rookery replay store 2'"))
    try AtomicFile.replace(identity, with: Array("something".utf8))
    #expect(
      problem { _ = try ReplayStore(configuration: configuration(10, 1)) }.contains("found something else"))
  }

  @Test func namesThatAreNoWordsComeBack() throws {
    let folder = TemporaryFolder()
    var schema = Message.schema
    schema.fields.append(Field("a b\n%é", .float64, shape: [1, 2], stack: 1))
    let configuration = ReplayStoreConfiguration(
      capacity: 4, tables: [transitionTable(1, name: "t\nable 1")], storage: .file(path: folder.path))
    try ReplayStore(configuration: configuration).adopt(schema: schema)
    #expect(try ReplayStore(configuration: configuration).schema == schema)
  }

  /// After a reboot the disk may hold less than was written. Chunks that fail their checksum are
  /// dropped; the rest stays.
  @Test func damagedStepsAreDroppedAfterAReboot() throws {
    let folder = TemporaryFolder()
    let configuration = ReplayStoreConfiguration(
      capacity: 20, tables: [transitionTable(1)], storage: .file(path: folder.path))
    try fillThreeChunks(configuration)
    try ReplayStore(configuration: configuration).end()
    try flip("\(folder.path)/field-0", at: 5 * 600 + 3)
    // In the same boot, after a clean end, the mapped files hold what was written.
    do {
      let store = try ReplayStore(configuration: configuration)
      #expect(store.recovery?.stepsDropped == 0)
      store.end()
    }
    try flip("\(folder.path)/header", at: 104)
    // A second start after the reboot finds the same.
    let first = try #require(try ReplayStore(configuration: configuration).recovery)
    // Chunk 1 has steps 4 to 7: its items are dropped, and that of step 3, which ends in it.
    #expect(first.stepsDropped == 4 && first.itemsDropped == 5)
    let store = try ReplayStore(configuration: configuration)
    let recovery = try #require(store.recovery)
    #expect(store.checkInvariants() == nil)
    #expect(recovery.stepsDropped == 4 && recovery.steps == 12)
    #expect(recovery.itemsDropped == 0 && recovery.items == 6)
    let message = Message().chunk(0, 12, flags: [0, 0, 0, 0]).item(0, 11, 2)
    #expect(try store.insert(message, writer: 0).items == 1)
  }

  @Test func whatIsOlderThanADamagedRecordIsDropped() throws {
    let folder = TemporaryFolder()
    let configuration = ReplayStoreConfiguration(
      capacity: 20, tables: [transitionTable(1)], storage: .file(path: folder.path))
    try fillThreeChunks(configuration)
    try flip("\(folder.path)/chunks-10", at: 64 + 9)
    let store = try ReplayStore(configuration: configuration)
    #expect(store.checkInvariants() == nil)
    #expect(store.recovery?.steps == 4 && store.recovery?.stepsDropped == 8)
    #expect(store.statistics.tail == 8 && store.statistics.head == 12)
  }

  @Test func aHeaderOfSomethingElseIsRefused() throws {
    let folder = TemporaryFolder()
    let configuration = ReplayStoreConfiguration(
      capacity: 20, tables: [transitionTable(1)], storage: .file(path: folder.path))
    try fillThreeChunks(configuration)
    try flip("\(folder.path)/header", at: 0)
    #expect(
      problem { _ = try ReplayStore(configuration: configuration) }.contains(
        "remove the folder to start empty"))
  }

  /// 3000 chunks of one step: the chunk file grows twice, and wraps.
  @Test func theChunkFileGrows() throws {
    let folder = TemporaryFolder()
    let configuration = ReplayStoreConfiguration(
      capacity: 3000, tables: [transitionTable(1)], storage: .file(path: folder.path))
    var store = try ReplayStore(configuration: configuration)
    try store.adopt(schema: Message.schema)
    try store.openWriter(0, id: Identifier(high: 1, low: 2), label: "", committed: 0)
    for index in 0..<7000 as Range<UInt64> {
      let message = Message().chunk(0, index, flags: [0])
      if index > 0 { message.item(0, index - 1, 2) }
      _ = try store.insert(message.insertion(), writer: 0, sequence: index + 1)
      withExtendedLifetime(message) {}
      if index % 1000 == 999 { store = try ReplayStore(configuration: configuration) }
    }
    store = try ReplayStore(configuration: configuration)
    #expect(store.checkInvariants() == nil)
    #expect(store.statistics.steps == 3000 && store.statistics.tables[0].size == 2999)
    #expect(access("\(folder.path)/chunks-12", F_OK) == 0 && access("\(folder.path)/chunks-10", F_OK) != 0)
  }

  @Test func aFullDiskRefusesInsertsAndGoesOnOnceThereIsRoom() throws {
    guard let disk = TinyDisk(kibibytes: 512) else { return }
    let configuration = ReplayStoreConfiguration(
      capacity: 2000, tables: [transitionTable(1)], storage: .file(path: "\(disk.path)/store"))
    let store = try ReplayStore(configuration: configuration)
    try store.adopt(schema: Message.schema)
    var next: UInt64 = 0
    func insert() throws {
      let message = Message().chunk(0, next, flags: [UInt8](repeating: 0, count: 10))
      if next > 0 { message.item(0, next - 1, 2) }
      _ = try store.insert(message, writer: 0)
      next += 10
    }
    for _ in 0..<5 { try insert() }
    disk.fill()
    var refusal: String?
    while next < 2000, refusal == nil { refusal = problem(insert) == "" ? nil : problem(insert) }
    #expect(refusal?.contains("No space left on device") == true, "\(refusal ?? "not refused")")
    #expect(store.checkInvariants() == nil)
    let before = store.statistics
    var draw = Draw()
    var generator = SeededGenerator(seed: 1)
    try store.sample(table: 0, count: 4, generator: &generator, into: &draw)
    _ = try Batch(store, draw)
    #expect(store.statistics.head == before.head)
    disk.empty()
    try insert()
    #expect(store.statistics.head == before.head + 10)
  }

  private func fillThreeChunks(_ configuration: ReplayStoreConfiguration) throws {
    let store = try ReplayStore(configuration: configuration)
    try store.adopt(schema: Message.schema)
    try store.openWriter(0, id: Identifier(high: 1, low: 2), label: "", committed: 0)
    for chunk in 0..<3 as Range<UInt64> {
      let message = Message().chunk(0, chunk * 4, flags: [0, 0, 0, 0])
      for first in (chunk == 0 ? 0 : chunk * 4 - 1)..<chunk * 4 + 3 { message.item(0, first, 2) }
      _ = try store.insert(message.insertion(), writer: 0, sequence: chunk + 1)
      withExtendedLifetime(message) {}
    }
  }

  /// The refusal that a call throws; empty if it throws none.
  private func problem(_ body: () throws -> Void) -> String {
    do {
      try body()
      return ""
    } catch { return "\(error)" }
  }

  private func flip(_ path: String, at offset: Int) throws {
    var all = try bytes(of: path)
    all[offset] ^= 0x5A
    try AtomicFile.replace(path, with: all)
  }
}

func bytes(of path: String) throws -> [UInt8] {
  let descriptor = open(path, O_RDONLY)
  defer { close(descriptor) }
  var status = stat()
  try #require(descriptor >= 0 && fstat(descriptor, &status) == 0)
  let size = Int(status.st_size)
  return [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
    count = 0
    while count < size {
      let got = read(descriptor, buffer.baseAddress! + count, size - count)
      if got <= 0 { break }
      count += got
    }
  }
}

func copyFiles(from: String, to: String) {
  for name in DirectoryNames.of(from) {
    guard let all = try? bytes(of: "\(from)/\(name)") else { continue }
    try? AtomicFile.replace("\(to)/\(name)", with: all)
  }
}

/// Live steps' rows and pictures, and items, by position.
func contents(of store: ReplayStore) -> [[UInt8]] {
  let ring = store.ring!
  return (ring.tail..<ring.head).map { position in
    let slot = ring.slot(position)
    var bytes = Array(UnsafeRawBufferPointer(start: ring.row(slot), count: ring.layout.rowStride))
    for (arena, width) in ring.layout.largeByteCounts.enumerated() {
      bytes += Array(UnsafeRawBufferPointer(start: ring.largeArenas[arena] + slot * width, count: width))
    }
    for table in store.tables {
      let record = table.records[slot]
      bytes += Array("\(record.span) \(record.priority) \(record.timesSampled)".utf8)
    }
    return bytes
  }
}
