// A replay that ends repeatedly while steps arrive: by kill with `file` storage, by SIGTERM with
// `memory`.

import Experience
import Foundations
import Glibc
import Services
import Testing
import Transport

@testable import ReplayStore

@Suite struct DurableReplayTests {
  private static let capacity = 4_000_000

  /// kill -9 at random moments while two writers insert as fast as they can: afterwards every
  /// acknowledged step is there once, with its contents and its item. The same holds after SIGTERM
  /// with `memory`.
  @Test(arguments: ["file", "memory"]) func nothingAcknowledgedIsLostOrDoubled(_ storage: String) throws {
    let kills = Program.runsLongTests ? 50 : 8
    let workspace = try Workspace()
    let variables = ServiceTests.addresses(workspace).merging([
      "ROOKERY_RUN_DIRECTORY": workspace.path, "ROOKERY_REPLAY__STORAGE": storage,
      "ROOKERY_REPLAY__CAPACITY": "\(Self.capacity)", "ROOKERY_REPLAY__RATE_LIMITER__SAMPLES_PER_INSERT": "0",
      "ROOKERY_ALGORITHM__N_STEP": "1",
    ]) { $1 }
    var system = SeededGenerator.fromSystem()
    let seed = system.next()
    var generator = SeededGenerator(seed: seed)
    let address = try #require(variables["ROOKERY_REPLAY_ADDRESS"])
    let writers = [
      try StreamWriter(number: 1, address: address), try StreamWriter(number: 2, address: address),
    ]
    for kill in 0..<kills {
      let replay = try Started(["replay"], in: workspace, environment: variables)
      let target = try committed(writers) + UInt64(1 + generator.below(60))
      try wait(
        for: "acknowledgements in incarnation \(kill), seed \(seed); it said \(replay.errors)", writers
      ) {
        try committed(writers) >= target
      }
      // A random moment within the next messages.
      for _ in 0..<generator.below(20_000) { _ = SystemClock.now() }
      try replay.child.send(storage == "file" ? SIGKILL : SIGTERM)
      _ = try replay.child.wait()
    }
    let kept = storage == "file" ? "replay/1" : "replay/1/snapshot"
    try check(workspace.file(kept), writers, "\(storage), seed \(seed)")
  }

  private func committed(_ writers: [StreamWriter]) throws -> UInt64 {
    try writers.reduce(0) { try $0 + $1.advance() }
  }

  private func wait(
    for what: @autoclosure () -> String, _ writers: [StreamWriter], _ isDone: () throws -> Bool
  )
    throws
  {
    let deadline = SystemClock.now() + .seconds(60)
    var poller = Poller()
    for writer in writers { poller.add(writer.link.socket) }
    while try !isDone() {
      let now = SystemClock.now()
      guard now < deadline else { throw TimedOut(description: "waited 60 s for \(what())") }
      poller.wait(until: writers.map(\.nextDeadline).min() ?? deadline, now: now)
    }
  }

  private func check(_ path: String, _ writers: [StreamWriter], _ seed: String) throws {
    let table = TableConfiguration(schema: StreamWriter.table)
    let store = try ReplayStore(
      configuration: ReplayStoreConfiguration(
        capacity: Self.capacity, tables: [table], storage: .file(path: path)))
    #expect(store.checkInvariants() == nil)
    let ring = try #require(store.ring)
    #expect(ring.tail == 0, "the ring is large enough for all")
    var next: [Int: UInt64] = [:]
    for number in ring.directory.front..<ring.directory.end {
      let entry = ring.directory[number]
      for step in 0..<UInt64(entry.count) {
        let row = UnsafeRawPointer(ring.row(ring.slot(entry.position + step)))
        let found = (0..<4).map { row.load(fromByteOffset: $0 * 4, as: Float.self) }
        let writer = Int(found[0])
        let index = next[writer, default: 0]
        guard found == StreamWriter.observation(writer, index), entry.firstIndex + step == index else {
          Issue.record(
            "\(seed): step \(entry.firstIndex + step) of writer \(writer) is \(found), expected \(index)")
          return
        }
        next[writer] = index + 1
      }
    }
    for writer in writers {
      let found = next[writer.number, default: 0]
      #expect(found >= writer.acknowledged && found <= writer.steps, "\(seed): writer \(writer.number)")
      #expect(writer.acknowledged > 0)
    }
    // One item for each step but the newest of each stream.
    #expect(store.statistics.tables[0].size == store.statistics.steps - writers.count, "\(seed)")
  }
}
