// As many requests under way as WELCOME grants, from a client in Python.

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

  /// Memory that the service may have beside what its ring holds.
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
}
