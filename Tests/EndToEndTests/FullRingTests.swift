// A replay with a full ring and several tables, killed repeatedly.

import Experience
import Foundation
import Foundations
import Glibc
import Services
import TestSupport
import Testing
import Transport

@testable import ReplayStore

/// Every message evicts, so a kill often interrupts the removal of items from one table after the
/// other. After each kill the folder must hold complete steps, and the same items in each table.
@Suite struct FullRingTests {
  struct Variant: CustomTestStringConvertible, Sendable {
    var name: String
    var capacity: Int
    var messageSteps: ClosedRange<Int>
    var kills: Int
    /// Most messages that are acknowledged before a kill.
    var messages: Int
    /// Longest random delay before a kill, at most the time that the unacknowledged messages take.
    var killDelayMax_s: Double
    var testDescription: String { name }
  }

  private static let variants = [
    Variant(
      name: "large messages", capacity: 40_000, messageSteps: 1000...1500,
      kills: Program.runsLongTests ? 300 : 6, messages: 40, killDelayMax_s: 0.03),
    Variant(
      name: "small messages", capacity: 2_000, messageSteps: 1...60,
      kills: Program.runsLongTests ? 1500 : 10, messages: 80, killDelayMax_s: 0.005),
  ]

  private static let tables = ["experience", "second", "third"].map {
    TableSchema(name: $0, kind: .transition(nStep: 1, discount: 0.99))
  }

  @Test(arguments: variants) func noTableLosesWhatOthersKeep(_ variant: Variant) throws {
    let workspace = try Workspace()
    var variables = ServiceTests.addresses(workspace).merging([
      "ROOKERY_RUN_DIRECTORY": workspace.path, "ROOKERY_REPLAY__STORAGE": "file",
      "ROOKERY_REPLAY__CAPACITY": "\(variant.capacity)",
      "ROOKERY_REPLAY__RATE_LIMITER__SAMPLES_PER_INSERT": "0", "ROOKERY_ALGORITHM__N_STEP": "1",
      "ROOKERY_REPLAY__RATE_LIMITER__MIN_SIZE": "1",
    ]) { $1 }
    for table in Self.tables {
      variables["ROOKERY_REPLAY__TABLES__\(table.name.uppercased())__KIND"] = "transition"
    }
    var system = SeededGenerator.fromSystem()
    let seed = system.next()
    var generator = SeededGenerator(seed: seed)
    let address = try #require(variables["ROOKERY_REPLAY_ADDRESS"])
    let writers = try (1...2).map {
      try StreamWriter(
        number: $0, address: address, tables: Self.tables, messageSteps: variant.messageSteps)
    }
    // The ring is full before the first kill.
    let mean = (variant.messageSteps.lowerBound + variant.messageSteps.upperBound) / 2
    var more = UInt64(variant.capacity / mean * 3 / 2)
    for kill in 0..<variant.kills {
      let replay = try Started(["replay"], in: workspace, environment: variables)
      try wait(writers, messages: more, or: "incarnation \(kill), seed \(seed); it said \(replay.errors)")
      more = UInt64(1 + generator.below(variant.messages))
      // The replay is stopped until all messages that credit allows are on their way, so that the
      // kill comes while it works on one of them.
      try replay.child.send(SIGSTOP)
      for writer in writers { _ = try writer.advance() }
      try replay.child.send(SIGCONT)
      let end =
        SystemClock.now() + .seconds(Double(generator.below(1 << 16)) / 65_536 * variant.killDelayMax_s)
      while SystemClock.now() < end {}
      try replay.child.send(SIGKILL)
      _ = try replay.child.wait()
      let copy = TemporaryFolder()
      try copyFiles(from: workspace.file("replay/1"), to: copy.path)
      let problem = try Self.problem(copy.path, variant, writers)
      #expect(problem == nil, "\(variant.name), kill \(kill), seed \(seed)")
      if problem != nil { return }
    }
  }

  private func wait(_ writers: [StreamWriter], messages: UInt64, or what: @autoclosure () -> String) throws {
    func committed() throws -> UInt64 { try writers.reduce(0) { try $0 + $1.advance() } }
    let target = try committed() + messages
    let deadline = SystemClock.now() + .seconds(60)
    var poller = Poller()
    for writer in writers { poller.add(writer.link.socket) }
    while try committed() < target {
      let now = SystemClock.now()
      guard now < deadline else { throw TimedOut(description: "waited 60 s in \(what())") }
      poller.wait(until: writers.map(\.nextDeadline).min() ?? deadline, now: now)
    }
  }

  private func copyFiles(from: String, to: String) throws {
    for name in DirectoryNames.of(from) where name != "lock" {
      try FileManager.default.copyItem(atPath: "\(from)/\(name)", toPath: "\(to)/\(name)")
    }
  }

  /// A description of the first fault of a folder; nil if there is none.
  private static func problem(_ path: String, _ variant: Variant, _ writers: [StreamWriter]) throws -> String?
  {
    let store = try ReplayStore(
      configuration: ReplayStoreConfiguration(
        capacity: variant.capacity, tables: tables.map { TableConfiguration(schema: $0) },
        storage: .file(path: path)))
    guard let ring = store.ring, let recovery = store.recovery else { return "nothing was recovered" }
    if let problem = store.checkInvariants() { return problem }
    if ring.tail == 0 || ring.count < variant.capacity - 2 * variant.messageSteps.upperBound {
      return "the ring is not full: \(ring.count) steps"
    }
    if recovery.stepsDropped + recovery.itemsDropped > 0 {
      return "dropped \(recovery.stepsDropped) steps, \(recovery.itemsDropped) items"
    }
    // The next index of each writer; its newest step starts no item.
    var next: [Int: UInt64] = [:]
    var newest: [Int: UInt64] = [:]
    for number in ring.directory.front..<ring.directory.end {
      let entry = ring.directory[number]
      for step in 0..<UInt64(entry.count) {
        let row = UnsafeRawPointer(ring.row(ring.slot(entry.position + step)))
        let found = (0..<4).map { row.load(fromByteOffset: $0 * 4, as: Float.self) }
        let writer = Int(found[0])
        let index = next[writer, default: entry.firstIndex + step]
        guard found == StreamWriter.observation(writer, index), entry.firstIndex + step == index else {
          return "step \(entry.firstIndex + step) of writer \(writer) is \(found), expected \(index)"
        }
        next[writer] = index + 1
        newest[writer] = entry.position + step
      }
    }
    // All steps ever committed, each once. A writer's steps may all be evicted if another writer
    // reconnected before it.
    var uncounted = ring.head
    var (least, most) = (UInt64(0), UInt64(0))
    for writer in writers {
      if let end = next[writer.number] {
        uncounted -= min(end, uncounted)
        guard end >= writer.acknowledged, end <= writer.steps else {
          return "writer \(writer.number): \(writer.acknowledged) steps acknowledged, \(writer.steps) sent, "
            + "found \(end)"
        }
      } else {
        least += writer.acknowledged
        most += writer.steps
      }
    }
    guard (least...most).contains(uncounted) else {
      return
        "\(ring.head) steps of \(next): expected \(least) to \(most) of writers without, found \(uncounted)"
    }
    return itemProblem(store, ring, newest: Set(newest.values))
  }

  /// In each table, each step but the newest of each writer starts an item with its own priority.
  private static func itemProblem(_ store: ReplayStore, _ ring: StepRing, newest: Set<UInt64>) -> String? {
    for (table, schema) in zip(store.tables, tables) {
      guard table.size == ring.count - newest.count else {
        return "table '\(schema.name)': expected \(ring.count - newest.count) items, found \(table.size)"
      }
      for number in ring.directory.front..<ring.directory.end {
        let entry = ring.directory[number]
        for step in 0..<UInt64(entry.count) where !newest.contains(entry.position + step) {
          let record = table.records[ring.slot(entry.position + step)]
          let priority = StreamWriter.priority(entry.firstIndex + step)
          guard record.isItem, record.span == 2, record.priority == priority else {
            return "table '\(schema.name)', step \(entry.firstIndex + step): expected an item of priority "
              + "\(priority), found \(record)"
          }
        }
      }
    }
    return nil
  }
}
