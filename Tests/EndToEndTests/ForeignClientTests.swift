// A client in Python, against real services.

import Foundation
import Foundations
import Testing

/// The interpreter of `ROOKERY_PYTHON`, if it has the modules of a client.
private let python: String? = {
  guard let path = ProcessInfo.processInfo.environment["ROOKERY_PYTHON"] else {
    print("skipped: the foreign client is not tried, ROOKERY_PYTHON is not set")
    return nil
  }
  var probe = ProcessSpawn(path, ["-c", "import msgpack, numpy, zmq"])
  probe.standardError = .discard
  guard (try? probe.start().wait().isSuccess) == true else {
    print("skipped: the foreign client is not tried, '\(path)' cannot import msgpack, numpy and zmq")
    return nil
  }
  return path
}()

@Suite(.enabled(if: python != nil, "ROOKERY_PYTHON names no Python with pyzmq, msgpack and numpy"))
struct ForeignClientTests {
  @Test func aClientInPython() throws {
    let workspace = try Workspace()
    let addresses = ServiceTests.addresses(workspace)
    let settings = [
      "algorithm.n_step=2", "algorithm.discount=0.5", "algorithm.batch=8", "replay.rate_limiter.min_size=8",
      "replay.rate_limiter.samples_per_insert=0", "replay.sampler=uniform",
    ].flatMap { ["--set", $0] }
    let parameters = try Started(["parameters"] + settings, in: workspace, environment: addresses)
    let replay = try Started(["replay"] + settings, in: workspace, environment: addresses)
    for service in [parameters, replay] {
      try eventually("a service to listen") { service.errors.contains("listening") }
    }
    var variables = Program.clean
    variables["ROOKERY_FOREIGN_REPLAY"] = addresses["ROOKERY_REPLAY_ADDRESS"]
    variables["ROOKERY_FOREIGN_PARAMETERS"] = addresses["ROOKERY_PARAMETERS_ADDRESS"]
    variables["ROOKERY_FOREIGN_WEIGHTS"] = addresses["ROOKERY_WEIGHTS_ADDRESS"]
    let errors = workspace.file("client.err")
    var spawn = ProcessSpawn(
      python!, ["\(Program.root)/python/tests/test_foreign_client.py"], environment: variables,
      workingDirectory: workspace.path)
    spawn.standardError = .append(path: errors)
    let client = try spawn.start()
    defer { _ = try? client.kill() }
    let status = try eventually("the client to end") { try client.poll() }
    #expect(status == .exited(code: 0), "\(Text.read(errors))")
    for service in [parameters, replay] {
      try service.child.terminate()
      #expect(try service.end().code == 0)
    }
    #expect(replay.errors.contains("stopped after 1 messages"))
  }
}
