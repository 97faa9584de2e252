// Copies of a store that is at work.

import Experience
import Foundations
import Glibc
import TestSupport
import Testing

@testable import ReplayStore

@Suite struct SnapshotTests {
  /// Whatever happens while it is made, a snapshot is the store of the moment it was begun.
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

  /// Into an empty store: the same steps and items, never sampled, with the limiters where they were.
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
    #expect(throws: ReplayStoreError.request("snapshot: another one is being made")) {
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
    Snapshot.remove(path)
  }

  private func act(_ history: inout History, _ seed: UInt64) throws {
    if let problem = try history.act() { Issue.record("seed \(seed): \(problem)") }
  }

  private func steps(of store: ReplayStore) -> [[UInt8]] {
    let width = store.ring!.layout.rowStride + store.ring!.layout.largeByteCounts.reduce(0, +)
    return contents(of: store).map { Array($0[..<width]) }
  }
}
