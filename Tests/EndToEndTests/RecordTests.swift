// Recording a live run.

import Experience
import Foundation
import Foundations
import Glibc
import Recordings
import Services
import TestSupport
import Testing
import Wire

@Suite struct RecordTests {
  /// The numbers of each source's messages in a file, and those that it says are missed.
  struct Contents {
    var messages: [[UInt64]] = []
    var missed: [[ClosedRange<UInt64>]] = []
    var steps = 0

    init(_ path: String) throws {
      let reader = try RecordingReader(path: path)
      #expect(reader.damage.isEmpty)
      messages = reader.sources.map { _ in [] }
      missed = reader.sources.map { _ in [] }
      for block in reader.blocks {
        var entries = try #require(reader.entries(of: block))
        let source = Int(block.header.source)
        while let entry = try entries.next() {
          switch entry {
          case .message(let message):
            messages[source].append(message.number)
            steps += entries.insertion.stepCount
          case .missed(let numbers): missed[source].append(numbers.numbers)
          }
        }
      }
    }
  }

  /// A run is recorded from its first message to its end, and every message is there.
  @Test func aRunIsRecorded() throws {
    let run = try LiveRun(try Workspace(), arguments: ["--record", "all.rookery"])
    try run.started()
    try run.status("recorded steps") { $0.counter("recorder", "steps_recorded_total") > 2000 }
    let ended = try run.end(SIGINT)
    #expect(ended.code == 1)
    let path = run.workspace.file("all.rookery")
    let contents = try Contents(path)
    #expect(contents.messages.count == 1 && contents.missed == [[]])
    #expect(contents.messages[0] == (1...UInt64(contents.messages[0].count)).map { $0 })
    #expect(contents.steps > 2000)
    let source = try #require(try RecordingReader(path: path).sources[0])
    #expect(source.configuration.contains("n_step: 3") && source.schema.fields.count == 3)
    #expect(run.log("recorder-1").contains("from its first message"))

    let again = try Program.run(
      ["run", "config/cartpole.yaml", "--record", "all.rookery"], in: run.workspace)
    #expect(again.code == 2 && again.errors.contains("expected a new file, found 'all.rookery'"))
  }

  /// A recorder that is killed goes on in the same file and says what it missed; shards that are
  /// added or start again are further sources.
  @Test func aRecorderIsKilledAndShardsComeAndGo() throws {
    let run = try LiveRun(try Workspace(), settings: ["replay.storage=file"])
    try run.started()
    let path = run.workspace.file("by-hand.rookery")
    func record() throws -> Started { try Started(["record", "--out", path], in: run.workspace) }
    func recorded() -> Int { (try? RecordingReader(path: path))?.blocks.count ?? 0 }
    let first = try record()
    try eventually("two blocks", within: 30) { recorded() >= 2 }
    _ = try first.child.kill()
    _ = try first.child.wait()
    let before = try Contents(path).messages[0].last ?? 0
    try run.progress("without a recorder")

    let second = try record()
    let count = recorded()
    try eventually("two more blocks", within: 30) { recorded() >= count + 2 }
    let other = try Program.run(["record", "--out", path], in: run.workspace)
    #expect(other.code == 1 && other.errors.contains("another process writes this file"))
    #expect(try Program.run(["scale", "replay=2", "actor=6"], in: run.workspace).code == 0)
    let replay = try #require(run.process("replay"))
    #expect(Glibc.kill(replay.pid, SIGKILL) == 0)
    try eventually("the shard's new incarnation, and the other shard", within: 60) {
      let sources = (try? RecordingReader(path: path))?.sources ?? []
      return Set(sources.compactMap { $0?.shard }).count == 2 && sources.count >= 3
    }
    _ = try second.child.terminate()
    let ended = try second.end()
    #expect(ended.code == 0, "\(ended.errors)")
    #expect(ended.errors.contains("going on with shard 1 after its message \(before)"))
    _ = try run.end(SIGINT)
    let contents = try Contents(path)
    let missed = try #require(contents.missed[0].first)
    #expect(missed.lowerBound == before + 1, "what came while it was away is said")
    for source in contents.messages.indices {
      #expect(contents.messages[source] == contents.messages[source].sorted())
      let all = contents.messages[source].count + contents.missed[source].reduce(0) { $0 + $1.count }
      let numbers = contents.messages[source]
      guard let low = numbers.first, let high = numbers.last else { continue }
      #expect(all == Int(high - low) + 1, "each message is there, or said to be missed")
    }
    #expect(try RecordingReader(path: path).isIndexed)
  }

  /// A full disk costs what cannot be written; the file stays readable, and goes on.
  @Test func theDiskIsFull() throws {
    let workspace = try Workspace()
    guard let disk = TinyDisk(kibibytes: 64, at: workspace.file("disk")) else { return }
    defer { disk.unmount() }
    let run = try LiveRun(workspace, arguments: ["--record", "disk/small.rookery"])
    try run.started()
    try run.status("failures") { $0.counter("recorder", "recording_failures_total") > 1 }
    try run.progress("with a full disk")
    #expect(run.log("recorder-1").contains("No space left on device"))
    let ended = try run.end(SIGINT)
    #expect(ended.code == 1)
    let contents = try Contents(workspace.file("disk/small.rookery"))
    #expect(!contents.messages[0].isEmpty)
  }

  @Test func wrongUsesAreRefused() throws {
    let workspace = try Workspace()
    let none = try Program.run(["record", "--out", "x.rookery"], in: workspace)
    #expect(none.code == 1 && none.errors.contains("no run is live"), "\(none.errors)")
    let tap = ["ROOKERY_TAP_ADDRESS": "ipc://\(workspace.path)/tap"]
    let nowhere = try Program.run(["record"], in: workspace, environment: tap)
    #expect(nowhere.code == 2 && nowhere.errors.contains("rookery record --out FILE"), "\(nowhere.errors)")
    try Data("something else".utf8).write(to: URL(filePath: workspace.file("notes.txt")))
    let other = try Program.run(["record", "--out", "notes.txt"], in: workspace, environment: tap)
    #expect(other.code == 1 && other.errors.contains("expected a recording"), "\(other.errors)")
    #expect(Text.read(workspace.file("notes.txt")) == "something else")
    let share = try Program.run(
      ["record", "--out", "x.rookery", "--share", "2"], in: workspace, environment: tap)
    #expect(share.code == 2 && share.errors.contains("recorder.share"), "\(share.errors)")
  }
}

extension RecordTests {
  /// A live run's store, its recording, and the store of a fresh replay that it is played into have
  /// one digest.
  @Test func aPlayedRecordingIsTheRecordedRun() throws {
    let run = try LiveRun(
      try Workspace(), settings: ["replay.digest=true"], arguments: ["--record", "run.rookery"])
    try run.started()
    #expect(try Program.run(["scale", "actor=0"], in: run.workspace).code == 0)
    // What the replay has accepted is in the recording.
    try run.status("all messages are recorded") { status in
      let accepted = status.counter("replay", "messages_committed_total")
      return accepted > 0 && accepted == status.counter("recorder", "messages_recorded_total")
    }
    func digest(_ text: String) -> Substring? {
      text.firstRange(of: "digest ").map { text[$0.upperBound...].prefix(16) }
    }
    let original = try #require(digest(try Program.run(["inspect"], in: run.workspace).output))
    _ = try run.end(SIGINT)
    let info = try Program.run(["recording", "info", "run.rookery", "--digest"], in: run.workspace)
    #expect(digest(info.output) == original, "\(info.output)")

    let address = "ipc://\(run.workspace.path)/replay"
    // The recorded run's limits would hold back what no learner samples.
    let replay = try Started(
      [
        "replay", "--config", "runs/test/config.yaml", "--set", "replay.rate_limiter.samples_per_insert=0",
      ], in: run.workspace,
      environment: ["ROOKERY_REPLAY_ADDRESS": address])
    try eventually("the replay") { try HealthClient.ask(address, timeout: .seconds(1)) != nil }
    let played = try Program.run(["play", "run.rookery", "--to", address], in: run.workspace)
    #expect(played.code == 0, "\(played.errors)")
    let inspected = try Program.run(["inspect", address], in: run.workspace)
    #expect(digest(inspected.output) == original, "\(inspected.output)")
    _ = try replay.child.terminate()
    #expect(try replay.end().code == 0)
  }
}
