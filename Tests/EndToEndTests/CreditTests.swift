// A Python client with as many unanswered requests as WELCOME grants.

import Foundation
import Foundations
import Testing

private let python = Python.path(with: "msgpack, numpy, zmq")

@Suite(.enabled(if: python != nil, "ROOKERY_PYTHON names no Python with pyzmq, msgpack and numpy"))
struct CreditTests {
  private static let configuration = """
    learner:
      replicas: 0
    replay:
      capacity: 8192
      tables:
        experience: {kind: record, sampler: uniform, batch_max: 500000, rate_limiter: {samples_per_insert: 0, min_size: 1}}
        queue: {kind: record, sampler: fifo, max_times_sampled: 1}
    """

  /// Most memory of the service besides its ring.
  private static let memoryMax = 200 << 20

  @Test func noAnswerIsLost() throws {
    let workspace = try Workspace()
    try Text.write(Self.configuration, to: workspace.file("alone.yaml"))
    let address = "ipc://\(workspace.path)/replay.sock"
    let replay = try Started(
      ["replay", "--config", "alone.yaml"], in: workspace, environment: ["ROOKERY_REPLAY_ADDRESS": address])
    try eventually("the replay to listen") { replay.errors.contains("listening") }
    var variables = Program.clean
    variables["ROOKERY_CREDIT_REPLAY"] = address
    variables["ROOKERY_CREDIT_ANSWERS"] = Program.runsLongTests ? "20000 20000" : "1000 60"
    let errors = workspace.file("client.err")
    var spawn = ProcessSpawn(
      python!, ["\(Program.root)/python/tests/test_credit.py"], environment: variables,
      workingDirectory: workspace.path)
    spawn.standardError = .append(path: errors)
    let client = try spawn.start()
    defer { _ = try? client.kill() }
    var peak = 0
    let status = try eventually("the client to end", within: Program.runsLongTests ? 1200 : 120) {
      peak = max(peak, ProcessTable.residentBytes(of: replay.child.identifier))
      return try client.poll()
    }
    #expect(status == .exited(code: 0), "\(Text.read(errors))")
    // 8192 steps of 16 KB.
    #expect(peak < Self.memoryMax + 8192 * 16_400, "\(peak) bytes")
    print("credit: the replay had at most \(peak / 1_000_000) MB, 134 MB of them its ring")
    try replay.child.terminate()
    #expect(try replay.end().code == 0)
  }

  /// Runs the example of docs/STANDALONE.md unchanged except for the address.
  @Test func theDocumentsReplayAndClientWork() throws {
    let workspace = try Workspace()
    let page = Text.read("\(Program.root)/docs/STANDALONE.md")
    let lines = page.components(separatedBy: "\n")
    let configuration = lines.drop { !$0.hasPrefix("    ") }.prefix { $0.hasPrefix("    ") }
    try Text.write(
      configuration.map { String($0.dropFirst(4)) }.joined(separator: "\n"), to: workspace.file("replay.yaml")
    )
    let address = "ipc://\(workspace.path)/replay"
    let client = try #require(page.components(separatedBy: "```").first { $0.hasPrefix("python\n") })
    #expect(client.contains("ipc:///tmp/my-replay"))
    try Text.write(
      String(client.dropFirst("python\n".count)).replacing("ipc:///tmp/my-replay", with: address),
      to: workspace.file("client.py"))
    let replay = try Started(
      ["replay", "--config", "replay.yaml"], in: workspace, environment: ["ROOKERY_REPLAY_ADDRESS": address])
    try eventually("the replay to listen") { replay.errors.contains("listening") }
    var spawn = ProcessSpawn(
      python!, ["client.py"], environment: Program.clean, workingDirectory: workspace.path)
    spawn.standardOutput = .append(path: workspace.file("out"))
    spawn.standardError = .append(path: workspace.file("out"))
    #expect(try spawn.start().wait().isSuccess, "\(Text.read(workspace.file("out")))")
    #expect(
      Text.read(workspace.file("out")).hasPrefix("welcome: True\nacknowledged: 1\nstate (32, 3) P(i) ["))
    try replay.child.terminate()
    #expect(try replay.end().code == 0)
  }
}
