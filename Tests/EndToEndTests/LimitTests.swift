// `rookery limit` against a real replay process.

import Foundation
import Foundations
import Glibc
import Testing

@Suite struct LimitTests {
  /// A shard that starts later, or again, gets the changed limits of the others; a resumed run has
  /// the limits of its configuration.
  @Test func aLaterShardHasThem() throws {
    let workspace = try Workspace()
    let run = try LiveRun(workspace, settings: ["telemetry.interval_ms=200"])
    func command(_ arguments: String...) throws -> String {
      let ended = try Program.run(arguments, in: workspace)
      #expect(ended.code == 0, "\(ended.errors)")
      return ended.output
    }
    try run.started()
    let changed = "samples per insert 4.5, min size 170,"
    #expect(try command("limit", "--samples-per-insert", "4.5", "--min-size", "170").contains(changed))
    _ = try command("scale", "replay=2")
    let word = "are those that other shards were given: \(changed)"
    try eventually("the second shard; \(run.log("replay-2"))") { run.log("replay-2").contains(word) }
    let both = try command("limit").split(separator: "\n")
    #expect(both.count == 2 && both.allSatisfy { $0.contains(changed) }, "\(both)")

    // The first shard is killed: the second one passes the limits on.
    let first = try #require(run.process("replay"))
    kill(first.pid, SIGKILL)
    try eventually("another first shard; \(run.log("replay-1"))") { run.log("replay-1").contains(word) }
    _ = try run.end()
    for shard in 1...2 { #expect(!workspace.exists("runs/test/replay/\(shard)/limits")) }
  }

  @Test func limitsAreShownChangedAndRefused() throws {
    let workspace = try Workspace()
    let variables = ServiceTests.addresses(workspace)
    let replay = try Started(["replay"], in: workspace, environment: variables)
    let address = variables["ROOKERY_REPLAY_ADDRESS"]!
    func limit(_ arguments: String...) throws -> Ended {
      try Program.run(["limit", address] + arguments, in: workspace)
    }
    let before = try limit()
    #expect(before.code == 0, "\(before.errors)")
    #expect(before.output.contains("table experience: samples per insert "))
    #expect(before.output.hasSuffix("now 0 items, error 0.0\n"))
    let changed = try limit(
      "--table", "experience", "--samples-per-insert", "0.5", "--min-size=70", "--error-min=-1e6",
      "--error-max",
      "inf")
    #expect(changed.code == 0, "\(changed.errors)")
    #expect(
      changed.output.contains("samples per insert 0.5, min size 70, error -1000000.0 to inf; now 0 items"))
    // Another request gets the same answer.
    let held = changed.output.replacingOccurrences(of: "; until this service ends", with: "")
    #expect(held != changed.output)
    #expect(try limit().output == held)
    let refused = try limit("--error-max", "-1e6")
    #expect(refused.code == 1)
    #expect(refused.errors.contains("else inserts and samples can block each other"), "\(refused.errors)")
    #expect(
      try limit("--table", "experiense").errors.contains("expected one of experience, found 'experiense'"))
    let wrong = try limit("--error-min", "few")
    #expect(
      wrong.code == 2 && wrong.errors.contains("--error-min: expected a number, inf or -inf, found 'few'"))
    #expect(try limit().output == held)
    #expect(
      replay.errors.contains("limits of table 'experience' are now samples per insert 0.5, min size 70"))
  }
}
