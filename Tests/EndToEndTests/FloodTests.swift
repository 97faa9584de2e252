// A healthy run whose parameter server is flooded.

import Foundation
import Foundations
import Services
import Testing
import Wire

/// The interpreter for the flooding client, if there is one.
private let python = Python.path(with: "msgpack, zmq")

/// The kinds of floods, and the counters that show them.
private struct Flood: CustomTestStringConvertible {
  var kind: String
  var address = "ROOKERY_PARAMETERS_ADDRESS"
  /// Whether the client knows the run's token, as a faulty process of the run does.
  var isOfTheRun = false
  var counter: String

  var testDescription: String { "\(kind)\(isOfTheRun ? " of the run" : "")" }

  static let all = [
    Flood(kind: "telemetry", counter: "requests_dropped_total"),
    Flood(kind: "telemetry", isOfTheRun: true, counter: "requests_dropped_total"),
    Flood(kind: "joins", counter: "requests_dropped_total"),
    Flood(kind: "status", counter: "requests_dropped_total"),
    Flood(kind: "connections", counter: "strangers_refused_total"),
    Flood(
      kind: "subscriptions", address: "ROOKERY_WEIGHTS_ADDRESS", counter: "subscribers_cut_off_total"),
  ]
}

@Suite(.serialized, .enabled(if: python != nil, "ROOKERY_PYTHON names no Python with pyzmq and msgpack"))
struct FloodTests {
  /// Seconds of a flood, and of the measurement before it.
  private var seconds: Double { Program.runsLongTests ? 10 : 3 }

  /// The launcher answers, memory stays bounded, the run goes on, and rejected messages are
  /// counted.
  @Test(arguments: Flood.all) fileprivate func aRunSurvives(_ flood: Flood) throws {
    let run = try LiveRun(
      try Workspace(), settings: ["learner.updates_per_second_max=0"], arguments: ["--transport", "tcp"])
    try run.started()
    let before = try versions(of: run)
    let variables = try #require(run.process("actor")?.variables)
    let output = run.workspace.file("flood")
    var arguments = [flood.kind, try #require(variables[flood.address]), String(seconds + 4)]
    if flood.isOfTheRun { arguments.append(try #require(variables["ROOKERY_RUN_TOKEN"])) }
    var spawn = ProcessSpawn(
      python!, ["\(Program.root)/python/tests/flood.py"] + arguments, environment: Program.clean,
      workingDirectory: run.workspace.path)
    spawn.standardOutput = .append(path: output)
    spawn.standardError = .append(path: output)
    let client = try spawn.start()
    defer { _ = try? client.kill() }
    try run.status("that the flood is noticed") { $0.counter("parameters", flood.counter) > 0 }
    let during = try versions(of: run)
    let asked = SystemClock.now()
    let answer = try Program.run(["ps", "-p", "test"], in: run.workspace, within: 30)
    let waited = (SystemClock.now() - asked).seconds
    let largest = run.processes.map { ProcessTable.residentBytes(of: $0.pid) }.max() ?? 0
    print(
      "\(flood.testDescription): \(Int(before)) versions a second before, \(Int(during)) beside; ps after "
        + "\(waited) s; largest process \(largest >> 20) MB")
    #expect(answer.code == 0 && waited < (Program.runsLongTests ? 1 : 3))
    #expect(largest < 200 << 20)
    // Only in the long lane, as other tests share the machine otherwise.
    #expect(during >= before / (Program.runsLongTests ? 2 : 10))
    _ = try eventually("the flood to end") { try client.poll() }
    #expect(Int(Text.read(output).split(separator: "\n").last ?? "") ?? 0 > 0, "\(Text.read(output))")
    try run.progress("after the flood")
  }

  /// Published versions a second.
  private func versions(of run: LiveRun) throws -> Double {
    let start = SystemClock.now()
    let first = try run.status("versions: any") { _ in true }.version
    var elapsed = 0.0
    let last = try run.status("\(seconds) s") { _ in
      elapsed = (SystemClock.now() - start).seconds
      return elapsed >= seconds
    }.version
    return Double(last - first) / elapsed
  }
}
