// Snapshots of a store while it works.

import Experience
import Foundations
import Glibc
import TestSupport
import Testing

@testable import ReplayStore

@Suite struct SnapshotTests {
  /// A snapshot is the store at the moment it was begun, whatever happens while it is made.
  @Test(arguments: [0, 1]) func aSnapshotIsOneMoment(_ part: Int) throws {
    for seed in UInt64(part * 40)..<UInt64(part * 40 + 40) {
      let folder = TemporaryFolder()
      let path = "\(folder.path)/copy"
      let own = TemporaryFolder()
      var history = try History(seed: seed, storage: part == 0 ? .memory : .file(path: own.path))
      for _ in 0..<25 { try act(&history, seed) }
      let moment = contents(of: history.store)
      let statistics = history.store.statistics
      try history.store.beginSnapshot(at: path)
      var progress = try #require(history.store.continueSnapshot(bytes: 1))
      while !progress.isCopied {
        try act(&history, seed)
        progress = try #require(history.store.continueSnapshot(bytes: 1500))
      }
      #expect(history.store.continueSnapshot(bytes: 1) == nil)
      #expect(access(path, F_OK) != 0, "it has no name before it is whole")
      #expect(ReplayStore.publishSnapshot(at: path) == nil)
      var configuration = history.store.configuration
      configuration.storage = .file(path: path)
      let copy = try ReplayStore(configuration: configuration)
      #expect(copy.checkInvariants() == nil, "seed \(seed)")
      #expect(contents(of: copy) == moment, "seed \(seed)")
      #expect(copy.statistics.tables.map(\.mass) == statistics.tables.map(\.mass))
      #expect(copy.statistics.tables.map(\.limiterError) == statistics.tables.map(\.limiterError))
      try checkRestore(of: path, like: copy, configuration, seed)
      Snapshot.remove(path)
    }
  }

  /// A restore into an empty store gives the same steps and items, never sampled, with the
  /// limiters' errors unchanged.
  private func checkRestore(
    of path: String, like copy: ReplayStore, _ configuration: ReplayStoreConfiguration, _ seed: UInt64
  ) throws {
    var configuration = configuration
    configuration.storage = .memory
    let store = try ReplayStore(configuration: configuration)
    let restore = try Restore(from: path, into: store, writer: 9)
    while !restore.progress.isCopied {
      try restore.advance(bytes: 700)
      #expect(store.checkInvariants() == nil, "seed \(seed)")
    }
    #expect(restore.stepsDropped == 0)
    #expect(steps(of: store) == steps(of: copy), "seed \(seed)")
    for (restored, original) in zip(store.statistics.tables, copy.statistics.tables) {
      #expect(restored.size == original.size, "seed \(seed), \(restored.name)")
      #expect(abs(restored.mass - original.mass) <= original.mass * 1e-6)
      #expect(restored.limiterError == 0)
    }
  }

  @Test func aNameThatIsThereIsRefused() throws {
    let folder = TemporaryFolder()
    let store = try makeStore(capacity: 10, transitionTable(1))
    #expect(throws: ReplayStoreError.self) { try store.beginSnapshot(at: folder.path) }
    try store.beginSnapshot(at: "\(folder.path)/a")
    #expect(throws: ReplayStoreError.request("snapshot: another one is being made; wait until it is done")) {
      try store.beginSnapshot(at: "\(folder.path)/b")
    }
    #expect(store.continueSnapshot(bytes: 1)?.isCopied == true)
    #expect(ReplayStore.publishSnapshot(at: "\(folder.path)/a") == nil)
    Snapshot.remove("\(folder.path)/a")
  }

  @Test func aSnapshotOfAnotherStoreIsRefused() throws {
    let folder = TemporaryFolder()
    let path = "\(folder.path)/a"
    let store = try makeStore(capacity: 10, transitionTable(1))
    try store.beginSnapshot(at: path)
    _ = store.continueSnapshot(bytes: 1)
    #expect(ReplayStore.publishSnapshot(at: path) == nil)
    let other = try makeStore(capacity: 11, transitionTable(1))
    do {
      _ = try Restore(from: path, into: other, writer: 1)
      Issue.record("it was taken")
    } catch {
      #expect("\(error)".contains("expected 'capacity 11', found 'capacity 10'"))
    }
    #expect(throws: ReplayStoreError.self) {
      try Restore(from: "\(folder.path)/none", into: other, writer: 1)
    }
    let difference = "expected 'capacity 11', found 'capacity 10'"
    #expect(
      try ReplayStore.difference(ofSnapshot: path, from: other.configuration, schema: Message.schema)
        == difference)
    #expect(
      try ReplayStore.difference(ofSnapshot: path, from: store.configuration, schema: Message.schema) == nil)
    do {
      _ = try ReplayStore(configuration: other.configuration, resuming: path)
      Issue.record("it resumed")
    } catch {
      #expect("\(error)".contains(difference))
    }
    #expect(throws: ReplayStoreError.self) {
      try ReplayStore(configuration: other.configuration, resuming: "\(folder.path)/none")
    }
    Snapshot.remove(path)
  }

  /// A store with `memory` storage resumes from snapshots, which are then removed, as if nothing
  /// had happened.
  @Test func randomHistoriesGoOnThroughSnapshots() throws {
    for seed in 0..<25 as Range<UInt64> {
      let folder = TemporaryFolder()
      var history = try History(seed: seed)
      for step in 0..<60 {
        if step % 7 == 6 { try history.reopen(through: "\(folder.path)/last") }
        try act(&history, seed)
      }
      #expect(history.accepted > 2, "seed \(seed): hardly anything was accepted")
      #expect(DirectoryNames.of(folder.path).isEmpty)
      #expect(history.store.nextWriter == 2)
    }
  }

  @Test func damagedContentIsNotRestored() throws {
    let folder = TemporaryFolder()
    let path = "\(folder.path)/a"
    var store = try makeStore(capacity: 20, transitionTable(1))
    for chunk in 0..<3 as Range<UInt64> {
      let message = Message().chunk(0, chunk * 4, flags: [0, 0, 0, 0])
      for first in (chunk == 0 ? 0 : chunk * 4 - 1)..<chunk * 4 + 3 { message.item(0, first, 2) }
      _ = try store.insert(message, writer: 0)
    }
    try store.beginSnapshot(at: path)
    _ = store.continueSnapshot(bytes: .max)
    #expect(ReplayStore.publishSnapshot(at: path) == nil)
    let file = try #require(fopen("\(path)/field-0", "r+"))
    #expect(fseek(file, 5 * 600 + 3, SEEK_SET) == 0 && fputc(0x5A, file) == 0x5A)
    fclose(file)
    store = try ReplayStore(configuration: store.configuration, resuming: path)
    #expect(store.checkInvariants() == nil)
    #expect(store.recovery?.stepsDropped == 4 && store.recovery?.steps == 12)
    // Its items, and the item that ends in it.
    #expect(store.recovery?.itemsDropped == 5 && store.recovery?.items == 6)
    Snapshot.remove(path)
  }

  @Test func oneThatIsGivenUpLeavesNothing() throws {
    let folder = TemporaryFolder()
    let path = "\(folder.path)/a"
    let store = try makeStore(capacity: 20, transitionTable(1))
    for chunk in 0..<3 as Range<UInt64> {
      _ = try store.insert(Message().chunk(0, chunk * 4, flags: [0, 0, 0, 0]), writer: 0)
    }
    try store.beginSnapshot(at: path)
    #expect(store.continueSnapshot(bytes: 1)?.isCopied == false)
    store.abandonSnapshot()
    #expect(store.continueSnapshot(bytes: 1) == nil && DirectoryNames.of(folder.path).isEmpty)
    // A snapshot whose process was killed.
    try store.beginSnapshot(at: path)
    #expect(ReplayStore.removeUnfinishedSnapshot(at: path))
    #expect(!ReplayStore.removeUnfinishedSnapshot(at: path) && DirectoryNames.of(folder.path).isEmpty)
  }

  @Test func aFullDiskLeavesNothing() throws {
    guard let disk = TinyDisk(kibibytes: 512) else { return }
    let store = try makeStore(capacity: 2000, transitionTable(1))
    var next: UInt64 = 0
    while next < 2000 {
      _ = try store.insert(
        Message().chunk(0, next, flags: [UInt8](repeating: 0, count: 10)), writer: 0)
      next += 10
    }
    do {
      try store.beginSnapshot(at: "\(disk.path)/a")
      Issue.record("1.3 MB in 0.5 MB")
    } catch {
      #expect("\(error)".contains("No space left on device"), "\(error)")
    }
    #expect(DirectoryNames.of(disk.path).isEmpty)
    #expect(store.checkInvariants() == nil && store.continueSnapshot(bytes: 1) == nil)
  }

  private func act(_ history: inout History, _ seed: UInt64) throws {
    if let problem = try history.act() { Issue.record("seed \(seed): \(problem)") }
  }

  private func steps(of store: ReplayStore) -> [[UInt8]] {
    let width = store.ring!.layout.rowStride + store.ring!.layout.largeByteCounts.reduce(0, +)
    return contents(of: store).map { Array($0[..<width]) }
  }
}
