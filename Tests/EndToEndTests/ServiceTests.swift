// Single services: their end, and what they refuse.

import Foundation
import Foundations
import Glibc
import Testing

@Suite struct ServiceTests {
  /// Sockets in the workspace, so that no port is fixed.
  static func addresses(_ workspace: Workspace) -> [String: String] {
    [
      "ROOKERY_REPLAY_ADDRESS": "ipc://\(workspace.file("replay.ipc"))",
      "ROOKERY_PARAMETERS_ADDRESS": "ipc://\(workspace.file("parameters.ipc"))",
      "ROOKERY_WEIGHTS_ADDRESS": "ipc://\(workspace.file("weights.ipc"))",
      "ROOKERY_CONFIG": "config/cartpole.yaml",
    ]
  }

  /// A service without the others waits, and ends with exit code 0 on SIGTERM.
  @Test(arguments: ["replay", "parameters", "learner", "actor", "evaluator"], [SIGTERM, SIGINT])
  func stopsWhenAsked(_ service: String, _ signal: Int32) throws {
    let workspace = try Workspace()
    let command = try Started([service], in: workspace, environment: Self.addresses(workspace))
    try eventually("\(service) to take signals") { try Self.takesSignals(command.child.identifier) }
    try command.child.send(signal)
    let ended = try command.end(within: 20)
    #expect(ended.code == 0, "\(ended.errors)")
    #expect(ended.errors.contains("stopped"))
  }

  /// Whether SIGTERM has a handler, which a signal descriptor installs last.
  static func takesSignals(_ pid: Int32) throws -> Bool {
    guard
      let line = Text.read("/proc/\(pid)/status").split(separator: "\n").first(where: {
        $0.hasPrefix("SigCgt:")
      }),
      let mask = UInt64(line.dropFirst(7).trimmingCharacters(in: .whitespaces), radix: 16)
    else { return false }
    return mask & (1 << (SIGTERM - 1)) != 0
  }

  @Test func anAddressInUse() throws {
    let workspace = try Workspace()
    let holder = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(holder) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        #expect(bind(holder, $0, size) == 0 && listen(holder, 1) == 0)
        getsockname(holder, $0, &size)
      }
    }
    let taken = "tcp://127.0.0.1:\(UInt16(bigEndian: address.sin_port))"
    let ended = try Program.run(["replay"], in: workspace, environment: ["ROOKERY_REPLAY_ADDRESS": taken])
    #expect(ended.code == 1)
    #expect(
      ended.errors
        == "rookery: listening on \(taken): Address already in use; another process listens there: stop it or choose another address\n"
    )
  }

  @Test(arguments: ["ROOKERY_REPLAY_ADDRESS", "ROOKERY_PARAMETERS_ADDRESS", "ROOKERY_WEIGHTS_ADDRESS"])
  func plainTCPBeyondTheMachine(_ variable: String) throws {
    let workspace = try Workspace()
    for service in ["replay", "parameters", "learner", "actor", "evaluator"] {
      let ended = try Program.run([service], in: workspace, environment: [variable: "tcp://10.1.2.3:7701"])
      #expect(ended.code == 2)
      #expect(
        ended.errors.hasPrefix("rookery: \(variable): expected an address of this machine")
          && ended.errors.contains("found tcp://10.1.2.3:7701; set ROOKERY_ALLOW_PLAIN_TCP=1"),
        "\(ended.errors)")
    }
  }

  @Test func listeningBeyondTheMachine() throws {
    let ended = try Program.run(
      ["replay"], in: try Workspace(), environment: ["ROOKERY_BIND_HOST": "0.0.0.0"])
    #expect(ended.code == 2)
    #expect(
      ended.errors.hasPrefix("rookery: ROOKERY_BIND_HOST: expected an address of this machine"),
      "\(ended.errors)")
  }

  @Test func damagedParameters() throws {
    let workspace = try Workspace()
    try workspace.write("these are not the parameters of anything", to: "parameters.rookery")
    let variables = Self.addresses(workspace).merging(["ROOKERY_RUN_DIRECTORY": workspace.path]) { $1 }
    let ended = try Program.run(["parameters"], in: workspace, environment: variables)
    #expect(ended.code == 1)
    #expect(
      ended.errors
        == "rookery: \(workspace.file("parameters.rookery")): expected a file of Rookery's parameters, found other bytes; "
        + "move the file away to start from new weights\n")
    // A file that cannot be read is not overwritten.
    #expect(workspace.read("parameters.rookery").hasPrefix("these are not"))
  }

  /// Weights of another network, as after a change of the configuration.
  @Test func parametersOfAnotherNetwork() throws {
    let workspace = try Workspace()
    let variables = Self.addresses(workspace).merging(["ROOKERY_RUN_DIRECTORY": workspace.path]) { $1 }
    let run = try LiveRun(workspace, settings: ["stop.updates=60"])
    _ = try run.command.end()
    try FileManager.default.copyItem(
      atPath: "\(run.folder)/parameters.rookery", toPath: workspace.file("parameters.rookery"))
    let ended = try Program.run(["parameters"], in: workspace, environment: variables)
    #expect(ended.code == 1)
    #expect(
      ended.errors.contains("the saved weights are of another network; use another run name"),
      "\(ended.errors)")
  }

  @Test func healthOfAService() throws {
    let workspace = try Workspace()
    let variables = Self.addresses(workspace)
    let address = try #require(variables["ROOKERY_REPLAY_ADDRESS"])
    let silent = try Program.run(["health", address, "--timeout", "1"], in: workspace)
    #expect(silent.code == 1 && silent.errors == "rookery: \(address): no answer in 1 s\n")
    let replay = try Started(["replay"], in: workspace, environment: variables)
    try eventually("the replay to listen") { replay.errors.contains("listening") }
    let healthy = try Program.run(["health", address, "--timeout", "20"], in: workspace)
    #expect(healthy.code == 0 && healthy.output == "replay healthy: 0 writers, 0 samplers, 0 steps\n")
  }
}
