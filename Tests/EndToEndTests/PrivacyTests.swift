// Only its user can reach a run's processes and files.

import Foundation
import Foundations
import Glibc
import Testing

@Suite struct PrivacyTests {
  /// Whether a service answers there; at the others, weights and the tap, it only publishes.
  private static func answers(_ address: String) -> Bool {
    !address.hasSuffix("7703") && !address.hasSuffix("7705")
  }

  private static let variables = [
    "ROOKERY_REPLAY_ADDRESS", "ROOKERY_TAP_ADDRESS", "ROOKERY_PARAMETERS_ADDRESS", "ROOKERY_WEIGHTS_ADDRESS",
  ]

  /// A folder for sockets that no other test uses.
  private func runtime(_ workspace: Workspace) throws -> [String: String] {
    let path = workspace.file("xdg")
    if access(path, F_OK) != 0 { try #require(mkdir(path, 0o700) == 0) }
    return ["XDG_RUNTIME_DIR": path]
  }

  private func reports(_ run: LiveRun) throws -> [[String: Any]] {
    try Text.objects(Program.run(["ps", "--json"], in: run.workspace).output)
  }

  /// The addresses of listening services, as `ps` prints them.
  private func addresses(_ run: LiveRun) throws -> [String] {
    try reports(run).flatMap { $0["addresses"] as? [String] ?? [] }
  }

  private func mode(_ path: String) -> mode_t {
    var status = stat()
    return lstat(path, &status) == 0 ? status.st_mode & 0o7777 : 0
  }

  /// Everything in a folder that other users may read, write or enter.
  private func open(in folder: String) throws -> [String] {
    let names = try #require(FileManager.default.enumerator(atPath: folder)?.allObjects as? [String])
    #expect(names.count > 10)
    return (names.map { "\(folder)/\($0)" } + [folder]).filter { mode($0) & 0o077 != 0 }
  }

  /// Processes use sockets in a private folder, which is removed with the run; `ps` prints them;
  /// all files are private.
  @Test func aRunOverSockets() throws {
    let workspace = try Workspace()
    let environment = try runtime(workspace)
    let run = try LiveRun(workspace, settings: ["replay.storage=file"], environment: environment)
    try run.started()
    let sockets = DirectoryNames.of(workspace.file("xdg"))
    #expect(sockets.count == 1)
    let folder = workspace.file("xdg/\(sockets.first ?? "")")
    #expect(mode(folder) == 0o700 && sockets[0].hasPrefix("rookery-ipc-"))
    for process in run.processes {
      for name in Self.variables {
        #expect(process.variables[name]?.hasPrefix("ipc://\(folder)/") == true, "\(process.service) \(name)")
      }
    }
    let listening = try addresses(run)
    let expected = ["parameters-1.7702", "parameters-1.7703", "replay-1.7701", "replay-1.7705"].map {
      "ipc://\(folder)/\($0)"
    }
    #expect(listening.filter { $0.hasPrefix("ipc") }.sorted() == expected)
    #expect(listening.filter { !$0.hasPrefix("ipc") }.allSatisfy { $0.hasPrefix("http://127.") })
    for address in expected where Self.answers(address) {
      #expect(try Program.run(["health", address, "--timeout", "20"], in: workspace).code == 0)
    }
    #expect(try Program.run(["inspect"], in: workspace).code == 0)
    #expect(try Program.run(["snapshot", "one"], in: workspace).code == 0)
    try eventually("the checks of the compose file to succeed") {
      try reports(run).allSatisfy { $0["isHealthy"] as? Bool != false }
    }
    try eventually("a checkpoint") { workspace.exists("runs/test/checkpoints/learner-1.safetensors") }
    #expect(try open(in: run.folder) == [])
    _ = try run.end()
    #expect(DirectoryNames.of(workspace.file("xdg")).isEmpty)
    #expect(try open(in: run.folder) == [])
  }

  /// A folder that an earlier version left open to other users is closed when the run resumes.
  @Test func aFolderOfAnEarlierVersion() throws {
    let workspace = try Workspace()
    let run = try LiveRun(workspace, settings: ["stop.updates=60"])
    _ = try run.command.end()
    for name in ["", "/logs", "/replay", "/replay/1", "/checkpoints"] {
      try #require(chmod(run.folder + name, 0o755) == 0)
    }
    for name in ["/lock", "/parameters.rookery", "/replay/1/lock"] {
      try #require(chmod(run.folder + name, 0o644) == 0)
    }
    #expect(try run.resume("stop.updates=5000").code == 0)
    #expect(mode(run.folder) == 0o700)
    for name in ["/lock", "/parameters.rookery", "/replay/1/lock"] {
      #expect(mode(run.folder + name) == 0o600)
    }
  }

  /// A volume of an earlier image is closed; a folder without a run stays as it is.
  @Test func aServiceByItselfClosesItsRun() throws {
    let workspace = try Workspace()
    let folder = workspace.file("state")
    try #require(mkdir(folder, 0o755) == 0 && chmod(folder, 0o755) == 0)
    var variables = ServiceTests.addresses(workspace)
    variables["ROOKERY_RUN_DIRECTORY"] = folder
    for expected in [0o755, 0o700] as [mode_t] {
      let server = try Started(["parameters"], in: workspace, environment: variables)
      try eventually("it to listen") { server.errors.contains("listening on") }
      #expect(mode(folder) == expected && mode("\(folder)/parameters.rookery") == 0o600)
      try server.child.terminate()
      #expect(try server.end().code == 0)
    }
  }

  @Test(.enabled(if: Stranger.exists, "\(Stranger.reason)"))
  func anotherUserReachesNothing() throws {
    let workspace = try Workspace()
    // With the default folder for sockets: the test's own folder would already stop another user.
    let run = try LiveRun(workspace)
    try run.started()
    let all = try addresses(run).filter { $0.hasPrefix("ipc://") && Self.answers($0) }
    #expect(all.count == 2)
    for address in all {
      let stranger = try Stranger.run([Program.path, "health", address, "--timeout", "1"], in: workspace)
      #expect(stranger.code == 1 && stranger.errors == "rookery: \(address): no answer in 1 s\n")
      let folder = "/" + address.dropFirst(6).split(separator: "/").dropLast().joined(separator: "/")
      let listed = try Stranger.run(["/bin/ls", folder], in: workspace)
      #expect(listed.code != 0 && listed.errors.contains("Permission denied"))
      #expect(try Program.run(["health", address, "--timeout", "20"], in: workspace).code == 0)
    }
    // Every user can read the dashboard, which is read-only.
    let page = try #require(try addresses(run).first { $0.hasPrefix("http://") })
    #expect(try Web.get("/status.json", at: page)?.status == 200)
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
      for path in ["/", "/status.json", "/metrics", "/healthz", "/livez"] {
        #expect(try Web.get(path, at: page, method: method)?.status == 405, "\(method) \(path)")
      }
    }
    try run.progress("beside a stranger")
  }

  /// Over TCP every user of this machine gets an answer; the run says so.
  @Test(.enabled(if: Stranger.exists, "\(Stranger.reason)"), arguments: [false, true])
  func overTCP(byVariable: Bool) throws {
    let workspace = try Workspace()
    let run = try LiveRun(
      workspace, arguments: byVariable ? [] : ["--transport", "tcp"],
      environment: (try runtime(workspace)).merging(byVariable ? ["ROOKERY_TRANSPORT": "tcp"] : [:]) { $1 })
    try run.started()
    #expect(DirectoryNames.of(workspace.file("xdg")).isEmpty)
    for process in run.processes {
      for name in Self.variables { #expect(process.variables[name]?.hasPrefix("tcp://127.") == true) }
    }
    let replay = try #require(try addresses(run).first { $0.hasSuffix(":7701") })
    let stranger = try Stranger.run([Program.path, "health", replay, "--timeout", "20"], in: workspace)
    #expect(stranger.code == 0 && stranger.output.hasPrefix("replay healthy"))
    #expect(run.command.output.contains("over loopback TCP every user of this machine can reach"))
    try run.progress("over TCP")
  }

  /// In another user's folder any process could pose as the launcher.
  @Test(.enabled(if: Stranger.exists, "\(Stranger.reason)"))
  func anotherUsersLauncherIsNotAsked() throws {
    let workspace = try Workspace()
    for name in ["", "runs", "runs/other"] {
      let path = workspace.file(name)
      #expect(mkdir(path, 0o755) == 0 || errno == EEXIST)
      try #require(chmod(path, 0o755) == 0)
    }
    for command in ["ps", "env", "down"] {
      let ended = try Stranger.run(
        [Program.path, command, "-p", "other"], in: workspace, folder: workspace.path)
      #expect(ended.code == 1)
      #expect(
        ended.errors
          == "rookery: runs/other belongs to another user (uid 0), so its launcher is not asked; run this as that user\n"
      )
    }
  }

  @Test func anUnknownTransport() throws {
    let workspace = try Workspace()
    for command in [["run", "config/cartpole.yaml"], ["up"]] {
      let named = try Program.run(command + ["--transport", "udp"], in: workspace)
      #expect(named.code == 2)
      #expect(
        named.errors
          == "rookery: --transport: expected ipc (Unix sockets) or tcp (loopback addresses), found 'udp'\n")
      let variable = try Program.run(command, in: workspace, environment: ["ROOKERY_TRANSPORT": "x"])
      #expect(variable.code == 2 && variable.errors.hasPrefix("rookery: ROOKERY_TRANSPORT: expected ipc"))
    }
  }

  /// A kill -9 of the launcher leaves its socket folder; the next launcher removes it, but no
  /// folder in use.
  @Test func theLauncherIsKilled() throws {
    let workspace = try Workspace()
    let environment = try runtime(workspace)
    let other = try LiveRun(workspace, name: "other", environment: environment)
    try other.started()
    let live = DirectoryNames.of(workspace.file("xdg"))
    let run = try LiveRun(workspace, name: "killed", environment: environment)
    try run.started()
    let left = DirectoryNames.of(workspace.file("xdg")).filter { !live.contains($0) }
    #expect(left.count == 1)
    try run.command.child.kill()
    try eventually("that nothing is left running") { run.processes.isEmpty }
    #expect(Set(DirectoryNames.of(workspace.file("xdg"))) == Set(live + left))
    let next = try LiveRun(
      workspace, settings: ["stop.updates=60"], environment: environment)
    let ended = try next.command.end()
    // Launchers that other tests have killed may have left more folders in /tmp.
    #expect(
      ended.output.contains("removed the sockets that ")
        && ended.output.contains(" had left behind"), "\(ended.output)")
    #expect(DirectoryNames.of(workspace.file("xdg")) == live)
    try other.progress("while another's sockets were removed")
  }

  @Test func aRuntimeFolderThatIsTooLong() throws {
    let workspace = try Workspace()
    let path = workspace.file(String(repeating: "long", count: 10))
    try #require(mkdir(path, 0o700) == 0)
    let run = try LiveRun(workspace, settings: ["stop.updates=60"], environment: ["XDG_RUNTIME_DIR": path])
    let ended = try run.command.end()
    #expect(ended.code == 0)
    #expect(
      ended.output.contains(
        "XDG_RUNTIME_DIR=\(path): expected an absolute path of at most 40 bytes, as a socket's path has at most 107; the run's "
          + "sockets are in /tmp"))
  }
}
