// Stores whose process did not end cleanly: damaged steps are never served, and all others are.

import Experience
import Foundations
import Glibc
import TestSupport
import Testing

@testable import ReplayStore

@Suite struct VerificationTests {
  private let folder = TemporaryFolder()
  private let tables = [transitionTable(1, .prioritized(exponent: 1)), transitionTable(2, name: "two")]

  private var configuration: ReplayStoreConfiguration {
    ReplayStoreConfiguration(capacity: 40, tables: tables, storage: .file(path: folder.path))
  }

  /// Eight chunks of four steps, and all items that end in them. `end`: end the process cleanly.
  private func fill(ended: Bool) throws {
    let store = try ReplayStore(configuration: configuration)
    try store.adopt(schema: Message.schema)
    try store.openWriter(0, id: Identifier(high: 1, low: 2), label: "actor-1", committed: 0)
    for chunk in 0..<8 as Range<UInt64> {
      let message = message(chunk)
      _ = try store.insert(message.insertion(), writer: 0, sequence: chunk + 1)
      withExtendedLifetime(message) {}
    }
    if ended { store.end() }
  }

  private func message(_ chunk: UInt64) -> Message {
    let message = Message().chunk(0, chunk * 4, flags: [0, 0, 0, 0])
    for (table, steps) in [(0, 1), (1, 2)] as [(Int, UInt64)] {
      let first = chunk * 4 > steps ? chunk * 4 - steps : 0
      for index in first..<chunk * 4 + 4 - steps {
        message.item(0, index, UInt32(steps) + 1, 2, table: table)
      }
    }
    return message
  }

  private func damage(_ name: String, at offset: Int, _ byte: UInt8? = nil) throws {
    let path = "\(folder.path)/\(name)"
    var all = try bytes(of: path)
    all[offset] = byte ?? all[offset] ^ 0x5A
    try AtomicFile.replace(path, with: all)
  }

  @Test func anOrderlyEndIsBelievedOnce() throws {
    try fill(ended: true)
    #expect(try ReplayStore(configuration: configuration, bytesVerified: 0).stepsInDoubt == 0)
    // The second process did not end cleanly.
    let store = try ReplayStore(configuration: configuration, bytesVerified: 0)
    // The newest chunk is verified before its stream continues.
    #expect(store.stepsInDoubt == 28)
    // Unverified steps are not marked as whole.
    store.end()
    #expect(try ReplayStore(configuration: configuration, bytesVerified: 0).stepsInDoubt == 28)
    store.verify(bytes: 1)
    #expect(store.stepsInDoubt == 24)
    store.verify(bytes: .max)
    #expect(store.stepsInDoubt == 0 && store.damage == StoreDamage())
  }

  /// Small fields and large ones, with and without a clean end before the damage.
  @Test(arguments: ["rows", "field-0"]) func aDamagedChunkIsNeverServed(_ name: String) throws {
    try fill(ended: false)
    // Step 9 is in chunk 2, steps 8 to 11.
    let stride = try bytes(of: "\(folder.path)/\(name)").isEmpty ? 0 : name == "rows" ? 32 : 600
    try damage(name, at: 9 * stride + 2)
    for isAtOnce in [true, false] {
      let store = try ReplayStore(configuration: configuration, bytesVerified: isAtOnce ? .max : 0)
      var draw = Draw()
      var generator = SeededGenerator(seed: 1)
      for table in 0...1 {
        for _ in 0..<20 {
          try store.sample(table: table, count: 16, generator: &generator, into: &draw)
          let reach = UInt64(table + 1)
          #expect(draw.keys.allSatisfy { $0 + reach < 8 || $0 > 11 }, "\(name): \(draw.keys)")
          _ = try rawBatch(store, draw, table: table)
        }
      }
      store.verify(bytes: .max)
      #expect(store.checkInvariants() == nil)
      // In each table the items of steps 8 to 11, and those that reach into them: one and two.
      if isAtOnce { #expect(store.damage.steps == 4 && store.damage.items == 4 + 1 + 4 + 2) }
      #expect(store.damage.steps == 4 && store.statistics.steps == 32)
      // The chunk still has its place, so the next start must verify it again.
      store.end()
      #expect(try ReplayStore(configuration: configuration).damage.steps == 4)
    }
  }

  /// The newest steps of a stream are damaged: its writer continues, and items that need them are
  /// stale.
  @Test func aStreamGoesOnAfterWhatIsLost() throws {
    try fill(ended: false)
    try damage("field-0", at: 30 * 600)
    let store = try ReplayStore(configuration: configuration, bytesVerified: 0)
    #expect(store.damage.steps == 4)
    let message = message(8)
    let summary = try store.insert(message.insertion(), writer: 0, sequence: 9)
    // Items that begin at steps 30 and 31, which are damaged.
    #expect(summary.items == 3 + 2 && summary.itemsStale == 1 + 2)
    withExtendedLifetime(message) {}
    // An item over damaged steps is stale too, not invalid.
    let reaching = Message().item(0, 27, 2)
    #expect(try store.insert(reaching, writer: 0).itemsStale == 1)
    store.verify(bytes: .max)
    #expect(store.checkInvariants() == nil)
  }

  /// A chunk that is damaged here is damaged in a snapshot too, even if it was not verified before
  /// the snapshot.
  @Test func aSnapshotDoesNotMakeItWhole() throws {
    try fill(ended: false)
    try damage("field-0", at: 9 * 600)
    let store = try ReplayStore(configuration: configuration, bytesVerified: 0)
    let path = "\(folder.path)/copy"
    try store.beginSnapshot(at: path)
    while store.continueSnapshot(bytes: 1)?.isCopied == false {}
    #expect(ReplayStore.publishSnapshot(at: path) == nil)
    #expect(store.damage.steps == 4)
    var memory = configuration
    memory.storage = .memory
    let taken = try ReplayStore(configuration: memory, resuming: path)
    #expect(taken.damage.steps == 4 && taken.checkInvariants() == nil)
    let other = try ReplayStore(configuration: memory)
    let restore = try Restore(from: path, into: other, writer: 5)
    while !restore.progress.isCopied { try restore.advance(bytes: 100) }
    #expect(restore.stepsDropped == 4 && other.statistics.steps == 28 && other.checkInvariants() == nil)
    #expect(restore.problem?.contains("4 steps and") == true, "\(restore.problem ?? "")")
  }

  @Test func itemsThatCannotBeAreDropped() throws {
    try fill(ended: false)
    // Priorities are 2, and the table's largest is recorded. 3, −2 and NaN never occurred.
    for (slot, value) in [(1, Float(3)), (2, -2), (3, .nan)] {
      for (index, byte) in withUnsafeBytes(of: value, Array.init).enumerated() {
        try damage("items-0", at: slot * 8 + index, byte)
      }
    }
    // An item spans three steps in a table of two.
    try damage("items-1", at: 5 * 8 + 4, 2)
    try damage("items-1", at: 6 * 8 + 4, 7)
    let store = try ReplayStore(configuration: configuration)
    #expect(store.recovery?.itemsDropped == 5 && store.damage.items == 5 && store.damage.steps == 0)
    #expect(store.checkInvariants() == nil)
  }

  /// A priority is recorded as the largest before an item has it.
  @Test func theLargestPriorityIsRecorded() throws {
    try fill(ended: false)
    do {
      let store = try ReplayStore(configuration: configuration)
      _ = try store.update([3, 4], [50, 7])
    }
    let store = try ReplayStore(configuration: configuration)
    #expect(store.damage == StoreDamage() && store.statistics.tables[0].priorityMax == 50)
  }

  @Test func filesThatAreTooShortAreTold() throws {
    try fill(ended: true)
    for (name, bytes) in [("rows", 0), ("items-1", 100), ("writers", 0), ("undo", 0), ("chunks-10", 0)] {
      let copy = TemporaryFolder()
      copyFiles(from: folder.path, to: copy.path)
      #expect(truncate("\(copy.path)/\(name)", off_t(bytes)) == 0)
      var copied = configuration
      copied.storage = .file(path: copy.path)
      let store = try ReplayStore(configuration: copied)
      #expect(store.recovery?.damagedFiles.count == 1, "\(name)")
      #expect(store.recovery?.damagedFiles.first?.hasPrefix("\(name): expected") == true)
      #expect(store.checkInvariants() == nil)
    }
    #expect(try ReplayStore(configuration: configuration).recovery?.damagedFiles == [])
  }
}
