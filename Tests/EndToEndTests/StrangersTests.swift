// A healthy run beside misconfigured, faulty and hostile clients over loopback TCP.

import Experience
import Foundation
import Foundations
import Testing
import Wire

@Suite struct StrangersTests {
  /// An actor of another schema, one that sends NaN, one that floods, and a stranger with forged
  /// frames: each is refused with its reason and counted, and the run solves.
  @Test func aRunSolvesBesideThem() throws {
    let run = try LiveRun(
      try Workspace(), base: [],
      settings: [
        "evaluator.threshold=150", "evaluator.confirm_threshold=120", "evaluator.confirm_episodes=20",
        "evaluator.interval_ms=500", "telemetry.interval_ms=50", "learner.updates_per_second_max=1500",
        "stop.seconds=300",
      ], arguments: ["--transport", "tcp"])
    // The run must not be solved before all of this has happened.
    let held = try run.status("the evaluator") { $0.telemetry("evaluator").count == 1 }
    #expect(try Program.run(["scale", "evaluator=0"], in: run.workspace).code == 0)
    try run.status("updates") { $0.updates > held.updates + 100 }
    let variables = try #require(run.process("actor")?.variables)
    let replay = try #require(variables["ROOKERY_REPLAY_ADDRESS"])
    #expect(replay.hasPrefix("tcp://127."))
    try insertWrongly(replay)
    try flood(replay)
    try forge(try #require(variables["ROOKERY_PARAMETERS_ADDRESS"]))
    let counted = try run.status("that all of it is counted") { status in
      status.counter("replay", "messages_refused_total") >= 12
        && status.counter("replay", "malformed_total") >= 10
        && status.counter("parameters", "strangers_refused_total") >= 3
    }
    #expect(counted.evaluations.isEmpty || !counted.evaluations.contains { $0.episodes == 1000 })
    try run.progress("beside strangers")

    #expect(try Program.run(["scale", "evaluator=1"], in: run.workspace).code == 0)
    let ended = try run.command.end(within: 320)
    #expect(ended.code == 0, "\(ended.output.suffix(500))")
    let summary = try run.summary()
    #expect(summary["solved"] as? Bool == true && summary["restarts"] as? Int == 0)
  }

  /// Steps of another shape, and steps with a NaN in them.
  private func insertWrongly(_ address: String) throws {
    var shape = TestWriter()
    shape.tables = [TableSchema(name: "experience", kind: .transition(nStep: 5, discount: 0.99))]
    var numbers = shape
    shape.schema = .discrete(observation: [5])
    numbers.id = Identifier(high: 1, low: 77)
    let peers = [try RawSocket(.dealer, to: address), try RawSocket(.dealer, to: address)]
    for _ in 0..<10 {
      try peers[0].send { shape.hello.encode(into: $0) }
      let refusal = try peers[0].refusal()
      #expect(refusal.code == .mismatch)
      #expect(
        refusal.text.hasPrefix("field 0: expected observation: float32[4], found observation: float32[5]"),
        "\(refusal.text)")
    }
    try peers[1].send { numbers.hello.encode(into: $0) }
    _ = try peers[1].answer(.welcome) { try Welcome(from: &$0) }
    for value in [Float.nan, .infinity, -.infinity] {
      try peers[1].send {
        numbers.insert(
          sequence: 1, flags: [1, 0, 0, 0], rewards: [0, 0, 0, 0], observation: value, priority: 1, into: $0)
      }
      let refusal = try peers[1].refusal()
      #expect(refusal.code == .invalid && refusal.reference == 1)
      #expect(refusal.text.contains("observation") && refusal.text.contains("finite"), "\(refusal.text)")
    }
  }

  /// Ever new clients, requests, and bytes that are no message.
  private func flood(_ address: String) throws {
    let peer = try RawSocket(.dealer, to: address)
    var writer = TestWriter()
    writer.tables = [TableSchema(name: "experience", kind: .transition(nStep: 5, discount: 0.99))]
    for number in 0..<6000 as Range<UInt64> {
      writer.id = Identifier(high: 99, low: number)
      try peer.send { writer.hello.encode(into: $0) }
      if number % 500 == 0 { try peer.send([0xC1, UInt8(truncatingIfNeeded: number)]) }
    }
    #expect(try peer.health().isHealthy)
  }

  /// Forged messages that would end the run as solved or spoil its weights if they were accepted.
  private func forge(_ address: String) throws {
    let peer = try RawSocket(.dealer, to: address)
    for _ in 0..<3 {
      try peer.send { writer in
        EvaluationReport(
          Evaluation(
            kind: .confirmation, version: 1, updates: 1, episodes: 1000, meanReturn: 500, minReturn: 500,
            maxReturn: 500, isSolved: true)
        ).encode(into: writer)
      }
      let refusal = try peer.refusal()
      #expect(refusal.code == .invalid && refusal.text.hasPrefix("expected this run's token, found none"))
    }
    let values = [Float](repeating: 1e9, count: 4)
    try peer.send { writer in
      values.withUnsafeBytes {
        Delta(
          id: Identifier(high: 4, low: 4), sequence: 1, baseVersion: 1, updates: 1, transitions: 1,
          oldestUpdate: 0,
          newestUpdate: 0, values: $0
        ).encode(into: writer)
      }
    }
    #expect(try peer.refusal().code == .unknownPeer)
  }
}
