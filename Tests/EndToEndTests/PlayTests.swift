// `rookery play` against real replay processes.

import Experience
import Foundation
import Foundations
import Glibc
import TestSupport
import Testing

@Suite struct PlayTests {
  /// The variables of a replay that takes the recording, and of the player.
  private static func variables(_ workspace: Workspace, _ more: [String: String] = [:]) -> [String: String] {
    var variables = ServiceTests.addresses(workspace)
    // The player plays to a replay alone.
    variables["ROOKERY_PARAMETERS_ADDRESS"] = nil
    variables["ROOKERY_WEIGHTS_ADDRESS"] = nil
    return variables.merging([
      "ROOKERY_RUN_DIRECTORY": workspace.path, "ROOKERY_REPLAY__RATE_LIMITER__SAMPLES_PER_INSERT": "0",
      "ROOKERY_ALGORITHM__N_STEP": "1", "ROOKERY_REPLAY__DIGEST": "true",
    ]) { $1 }.merging(more) { $1 }
  }

  /// What a replay says of itself.
  private static func inspect(_ workspace: Workspace, _ address: String) throws -> [String: Any] {
    let ended = try Program.run(["inspect", address, "--json"], in: workspace)
    return try #require(try Text.objects(ended.output).first, "\(ended.errors)")
  }

  private static func items(_ inspection: [String: Any]) throws -> Double {
    let table = try #require((inspection["tables"] as? [[String: Any]])?.first)
    return try #require((table["numbers"] as? [String: Double])?["inserted"])
  }

  /// The same steps, items, order and priorities.
  @Test func atMaxTheReplayHasTheSame() throws {
    let workspace = try Workspace()
    let recording = try PlayedRecording(workspace.file("a.rookery"), messages: 300)
    let variables = Self.variables(workspace)
    let address = try #require(variables["ROOKERY_REPLAY_ADDRESS"])
    let replay = try Started(["replay"], in: workspace, environment: variables)
    let ended = try Program.run(["play", "a.rookery", "--to", address], in: workspace)
    #expect(ended.code == 0, "\(ended.errors)")
    #expect(
      ended.errors.contains(
        "stopped after 1 pass: \(recording.steps) steps, \(recording.items) items, 600 messages"),
      "\(ended.errors)")
    let inspection = try Self.inspect(workspace, address)
    #expect(inspection["inserted"] as? Int == recording.steps, "\(replay.errors)")
    #expect(try Self.items(inspection) == Double(recording.items))
    let storage = try #require(inspection["storage"] as? String)
    #expect(storage.contains("digest \(recording.digest) of"), "\(storage)")
  }

  @Test func anotherSchemaIsRefused() throws {
    let workspace = try Workspace()
    _ = try PlayedRecording(workspace.file("a.rookery"), messages: 20)
    _ = try PlayedRecording(
      workspace.file("b.rookery"), messages: 2, schema: StepSchema.discrete(observation: [5]))
    let variables = Self.variables(workspace)
    let replay = try Started(["replay"], in: workspace, environment: variables)
    #expect(try Program.run(["play", "a.rookery"], in: workspace, environment: variables).code == 0)
    let ended = try Program.run(["play", "b.rookery"], in: workspace, environment: variables)
    #expect(ended.code == 1, "\(replay.errors)")
    #expect(
      ended.errors.contains(
        "refused by replay (mismatch): field 0: expected observation: float32[4], found observation: float32[5]"
      ),
      "\(ended.errors)")

    let other = "ipc://\(workspace.file("other.ipc"))"
    let others = variables.merging(["ROOKERY_ALGORITHM__N_STEP": "3", "ROOKERY_REPLAY_ADDRESS": other]) { $1 }
    let another = try Started(["replay"], in: workspace, environment: others)
    let tables = try Program.run(["play", "a.rookery", "--to", other], in: workspace, environment: variables)
    #expect(tables.code == 1, "\(another.errors)")
    #expect(tables.errors.contains("table 'experience': expected n-step 3, found 1"), "\(tables.errors)")
  }

  /// The replay is killed while messages come; with `file` storage nothing is lost or doubled.
  @Test func aKilledReplay() throws {
    let workspace = try Workspace()
    let recording = try PlayedRecording(workspace.file("a.rookery"), messages: 400, interval_ms: 4)
    let variables = Self.variables(
      workspace, ["ROOKERY_REPLAY__STORAGE": "file", "ROOKERY_REPLAY__CAPACITY": "100000"])
    let address = try #require(variables["ROOKERY_REPLAY_ADDRESS"])
    let first = try Started(["replay"], in: workspace, environment: variables)
    let player = try Started(["play", "a.rookery", "--speed", "1x"], in: workspace, environment: variables)
    var before = 0
    try eventually("some steps; \(player.errors)") {
      before = try Self.inspect(workspace, address)["inserted"] as? Int ?? 0
      return before > 0
    }
    #expect(before < recording.steps)
    _ = try first.child.kill()
    _ = try first.child.wait()
    let second = try Started(["replay"], in: workspace, environment: variables)
    let ended = try player.end()
    #expect(ended.code == 0, "\(ended.errors)")
    #expect(second.errors.contains("recovered"), "\(second.errors)")
    let inspection = try Self.inspect(workspace, address)
    #expect(inspection["inserted"] as? Int == recording.steps, "\(ended.errors)")
    #expect(inspection["steps"] as? Int == recording.steps)
    let table = try #require((inspection["tables"] as? [[String: Any]])?.first)
    #expect((table["numbers"] as? [String: Double])?["size"] == Double(recording.items), "\(ended.errors)")
  }

  /// While the limiter blocks inserts, the clock stands.
  @Test func aBlockedLimiter() throws {
    let workspace = try Workspace()
    let recording = try PlayedRecording(workspace.file("a.rookery"), messages: 400)
    let variables = Self.variables(
      workspace,
      [
        "ROOKERY_REPLAY__RATE_LIMITER__SAMPLES_PER_INSERT": "1",
        "ROOKERY_REPLAY__RATE_LIMITER__MIN_SIZE": "1000",
      ])
    let address = try #require(variables["ROOKERY_REPLAY_ADDRESS"])
    let replay = try Started(["replay"], in: workspace, environment: variables)
    let player = try Started(["play", "a.rookery"], in: workspace, environment: variables)
    try eventually("the notice; \(player.errors)") {
      player.errors.contains("the replay has accepted nothing for 1")
    }
    #expect(try player.child.poll() == nil)
    let limit = try Program.run(["limit", address, "--error-max", "inf"], in: workspace)
    #expect(limit.code == 0, "\(limit.errors)")
    let ended = try player.end()
    #expect(ended.code == 0, "\(ended.errors) \(replay.errors)")
    #expect(
      ended.errors.contains("the replay accepts messages again; the clock stood for"), "\(ended.errors)")
    #expect(!ended.errors.contains("the clock stood for 0.0 s"), "\(ended.errors)")
    #expect(try Self.inspect(workspace, address)["inserted"] as? Int == recording.steps)
  }

  @Test func severalShardsShareIt() throws {
    let workspace = try Workspace()
    let recording = try PlayedRecording(workspace.file("a.rookery"), writers: 8, messages: 50)
    let addresses = (1...2).map { "ipc://\(workspace.file("replay-\($0).ipc"))" }
    let variables = Self.variables(workspace, ["ROOKERY_REPLAY_ADDRESS": addresses.joined(separator: ",")])
    let shards = try (1...2).map {
      try Started(
        ["replay"], in: workspace, environment: variables.merging(["ROOKERY_REPLICA": "\($0)"]) { $1 })
    }
    let ended = try Program.run(["play", "a.rookery"], in: workspace, environment: variables)
    #expect(ended.code == 0, "\(ended.errors) \(shards.map(\.errors))")
    let found = try addresses.map { try Self.inspect(workspace, $0) }
    let steps = found.compactMap { $0["inserted"] as? Int }
    #expect(steps == [recording.steps / 2, recording.steps / 2])
    #expect(try found.reduce(0) { try $0 + Self.items($1) } == Double(recording.items))
  }

  /// It goes on until it is stopped; each pass is as large as the first.
  @Test func aLoop() throws {
    let workspace = try Workspace()
    let recording = try PlayedRecording(workspace.file("a.rookery"), messages: 20)
    let variables = Self.variables(workspace)
    let address = try #require(variables["ROOKERY_REPLAY_ADDRESS"])
    let replay = try Started(["replay"], in: workspace, environment: variables)
    let player = try Started(["play", "a.rookery", "--loop"], in: workspace, environment: variables)
    try eventually("three passes; \(player.errors) \(replay.errors)") {
      try Self.inspect(workspace, address)["inserted"] as? Int ?? 0 > 3 * recording.steps
    }
    try player.child.send(SIGTERM)
    let ended = try player.end(within: 20)
    #expect(ended.code == 0, "\(ended.errors)")
    #expect(ended.errors.contains("stopped after"), "\(ended.errors)")
    // Only what was under way when it was stopped.
    let leftOut = ended.errors.components(separatedBy: "left out: ").dropFirst().joined()
    #expect(
      leftOut.split(separator: "\n").first?.wholeMatch(of: /[0-9]+ messages unacknowledged/) != nil
        || leftOut.isEmpty, "\(ended.errors)")
  }

  @Test func whatCannotBePlayed() throws {
    let workspace = try Workspace()
    _ = try PlayedRecording(workspace.file("a.rookery"), messages: 2)
    let variables = Self.variables(workspace)
    let replay = try Started(["replay"], in: workspace, environment: variables)
    func play(_ arguments: String...) throws -> Ended {
      try Program.run(["play"] + arguments, in: workspace, environment: variables)
    }
    let unknown = try play("a.rookery", "--actors", "actor-9")
    #expect(unknown.code == 1, "\(replay.errors)")
    #expect(unknown.errors.contains("found none; its actors there: actor-1, actor-2"), "\(unknown.errors)")
    let late = try play("a.rookery", "--from", "1h")
    #expect(late.code == 1 && late.errors.contains("expected messages from 3600.0 s"), "\(late.errors)")
    let missing = try play("b.rookery")
    #expect(
      missing.code == 1 && missing.errors.contains("b.rookery: expected a recording"), "\(missing.errors)")
    let none = try play()
    #expect(none.code == 2 && none.errors.contains("say rookery play FILE"), "\(none.errors)")
    let time = try play("a.rookery", "--from", "soon")
    #expect(time.code == 2 && time.errors.contains("--from: expected a time as 90, 90s"), "\(time.errors)")
    let speed = try play("a.rookery", "--speed", "fast")
    #expect(
      speed.code == 2 && speed.errors.contains("player.speed: expected max, or a factor"), "\(speed.errors)")
  }

  /// Sources of different schemas are played one at a time.
  @Test func sourcesThatDiffer() throws {
    let workspace = try Workspace()
    let file = try MadeRecording(path: workspace.file("a.rookery"))
    try file.addSource(1, tables: [StreamWriter.table])
    try file.addSource(
      2, tables: [TableSchema(name: "experience", kind: .transition(nStep: 3, discount: 0.99))])
    let message = MadeMessage(writer: 1, chunks: [MadeMessage.Chunk(stream: 0, first: 0, flags: [1, 0])])
    try file.add(message, number: 1, time: MadeRecording.second, source: 0)
    try file.add(message, number: 1, time: 3 * MadeRecording.second, source: 1)
    try file.finish()
    let variables = Self.variables(workspace)
    let both = try Program.run(["play", "a.rookery"], in: workspace, environment: variables)
    #expect(both.code == 1)
    #expect(
      both.errors.contains("source 1 differs from source 0: table 'experience': expected n-step 1, found 3")
        && both.errors.contains("rookery recording cut"), "\(both.errors)")
    let replay = try Started(["replay"], in: workspace, environment: variables)
    let one = try Program.run(["play", "a.rookery", "--until", "1s"], in: workspace, environment: variables)
    #expect(one.code == 0 && one.errors.contains("2 steps"), "\(one.errors) \(replay.errors)")
  }

  /// Lines of input show the next chunks; the input's end ends the player.
  @Test func stepByStep() throws {
    let workspace = try Workspace()
    _ = try PlayedRecording(workspace.file("a.rookery"), messages: 4)
    let variables = Self.variables(workspace)
    let address = try #require(variables["ROOKERY_REPLAY_ADDRESS"])
    let replay = try Started(["replay"], in: workspace, environment: variables)
    // The first chunk at once, one more, two more, and then the end.
    let input = try workspace.write("\n2\n", to: "lines")
    var spawn = ProcessSpawn(
      "/bin/sh", ["-c", "exec '\(Program.path)' play a.rookery --step < \(input)"],
      environment: Program.clean.merging(variables) { $1 }, workingDirectory: workspace.path)
    let output = workspace.file("out")
    spawn.standardOutput = .append(path: output)
    spawn.standardError = .append(path: workspace.file("err"))
    let child = try spawn.start()
    let status = try eventually("the end; \(workspace.read("err")) \(replay.errors)") { try child.poll() }
    #expect(status == .exited(code: 0), "\(workspace.read("err"))")
    let text = Text.read(output)
    #expect(text.components(separatedBy: "\nmessage ").count == 4, "\(text)")
    #expect(text.contains("message 1 of actor-1, 1970-01-01T00:00:01.000Z, chunk 1 of 2"), "\(text)")
    #expect(text.contains("stream 5, steps 0 to 15, weights version 1"), "\(text)")
    #expect(text.contains("  action 1  reward ") && text.contains("  first"), "\(text)")
    #expect(text.contains("item of experience: steps 0 to 1, priority 0.0"), "\(text)")
    #expect(text.contains("item of experience: steps 3 to 4, the table's largest priority"), "\(text)")
    #expect(try Self.inspect(workspace, address)["inserted"] as? Int == 64)
  }
}
