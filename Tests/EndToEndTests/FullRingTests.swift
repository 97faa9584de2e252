// A replay whose ring is full is killed again and again while experience comes for several tables.

import Experience
import Foundations
import Glibc
import Services
import Testing
import Transport

@testable import ReplayStore

@Suite struct FullRingTests {
  struct Load: CustomTestStringConvertible, Sendable {
    var name: String
    var messageSteps: ClosedRange<Int>
    var kills: Int
    var killsLong: Int
    var testDescription: String { name }
  }

  static let loads = [
    Load(name: "large messages", messageSteps: 1000...1500, kills: 6, killsLong: 300),
    Load(name: "small messages", messageSteps: 1...60, kills: 6, killsLong: 1500),
  ]

  private static let capacity = 40_000
  private static let tables = StreamWriter.tables(3)

  /// kill -9 at random moments, most of them while the oldest steps are evicted: after each the three tables hold the same items, one
  /// for each step but the newest of a stream, no step is lost from a stream's middle or torn, and what was acknowledged is there.
  @Test(arguments: loads) func tablesThatHoldTheSameItemsStayEqual(_ load: Load) throws {
    let kills = Program.runsLongTests ? load.killsLong : load.kills
    let workspace = try Workspace()
    var variables = ServiceTests.addresses(workspace).merging([
      "ROOKERY_RUN_DIRECTORY": workspace.path, "ROOKERY_REPLAY__STORAGE": "file",
      "ROOKERY_REPLAY__CAPACITY": "\(Self.capacity)", "ROOKERY_REPLAY__RATE_LIMITER__SAMPLES_PER_INSERT": "0",
      "ROOKERY_ALGORITHM__N_STEP": "1",
    ]) { $1 }
    for table in Self.tables {
      variables["ROOKERY_REPLAY__TABLES__\(table.name.uppercased())__KIND"] = "transition"
    }
    var system = SeededGenerator.fromSystem()
    let seed = system.next()
    var generator = SeededGenerator(seed: seed)
    let address = try #require(variables["ROOKERY_REPLAY_ADDRESS"])
    let writers = try (1...2).map {
      try StreamWriter(number: $0, address: address, tables: 3, messageSteps: load.messageSteps)
    }
    for kill in 0..<kills {
      let what = "\(load.name), kill \(kill), seed \(seed)"
      let replay = try Started(["replay"], in: workspace, environment: variables)
      let before = writers.reduce(0) { $0 + $1.acknowledged }
      // The first life fills the ring.
      let target =
        kill == 0
        ? UInt64(Self.capacity * 3 / 2)
        : before + UInt64(1 + generator.below(load.messageSteps.upperBound * 8))
      try advance(writers, until: target) { "\(what); it said \(replay.errors)" }
      // Somewhere within the next messages.
      for _ in 0..<generator.below(20_000) { _ = SystemClock.now() }
      try replay.child.send(SIGKILL)
      _ = try replay.child.wait()
      guard try check(workspace.file("replay/1"), writers, what) else { return }
    }
  }

  private func advance(_ writers: [StreamWriter], until steps: UInt64, _ what: () -> String) throws {
    let deadline = SystemClock.now() + .seconds(60)
    var poller = Poller()
    for writer in writers { poller.add(writer.link.socket) }
    while true {
      for writer in writers { _ = try writer.advance() }
      if writers.reduce(0, { $0 + $1.acknowledged }) >= steps { return }
      let now = SystemClock.now()
      guard now < deadline else { throw TimedOut(description: "waited 60 s for \(what())") }
      poller.wait(until: writers.map(\.nextDeadline).min() ?? deadline, now: now)
    }
  }

  /// Opens the files as the next process would. False after a failure.
  private func check(_ path: String, _ writers: [StreamWriter], _ what: String) throws -> Bool {
    let store = try ReplayStore(
      configuration: ReplayStoreConfiguration(
        capacity: Self.capacity, tables: Self.tables.map { TableConfiguration(schema: $0) },
        storage: .file(path: path)))
    guard store.damage == StoreDamage(), store.recovery?.damagedFiles == [] else {
      Issue.record("\(what): \(store.damage), \(store.recovery?.damagedFiles ?? [])")
      return false
    }
    let ring = try #require(store.ring)
    var next: [Int: UInt64] = [:]
    var newest: [Int: Int] = [:]
    var without = 0
    for number in ring.directory.front..<ring.directory.end {
      let entry = ring.directory[number]
      for step in 0..<UInt64(entry.count) {
        let slot = ring.slot(entry.position + step)
        let row = UnsafeRawPointer(ring.row(slot))
        let found = (0..<4).map { row.load(fromByteOffset: $0 * 4, as: Float.self) }
        let (writer, index) = (Int(found[0]), entry.firstIndex + step)
        guard found == StreamWriter.observation(writer, index), next[writer] ?? index == index else {
          Issue.record("\(what): step \(index) of writer \(writer) is \(found), after \(next[writer] ?? 0)")
          return false
        }
        (next[writer], newest[writer]) = (index + 1, slot)
        without += store.tables.count { !$0.records[slot].isItem }
      }
    }
    let expected = newest.values.reduce(0) { count, slot in
      count + store.tables.count { !$0.records[slot].isItem }
    }
    #expect(expected == newest.count * 3, "\(what): the newest step of a stream starts nothing yet")
    #expect(without == expected, "\(what): \(without - expected) items are lost")
    #expect(
      Set(store.statistics.tables.map(\.size)).count == 1, "\(what): \(store.statistics.tables.map(\.size))")
    // No step was lost or taken twice since the first life; a writer that was slow may have none left in the ring.
    let (least, most) = writers.reduce((0, 0)) { ($0.0 + $1.acknowledged, $0.1 + $1.steps) }
    #expect(ring.head >= least && ring.head <= most, "\(what): \(ring.head) steps of \(least) to \(most)")
    for writer in writers {
      guard let last = next[writer.number] else { continue }
      #expect(
        last >= writer.acknowledged && last <= writer.steps, "\(what): writer \(writer.number), \(last)")
    }
    return without == expected
  }
}
