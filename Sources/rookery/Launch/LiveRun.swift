// Finds the run that a command is for.

internal import Experience
internal import Foundations
internal import Glibc
internal import Launcher

/// A run with a live launcher, found by name, or as the only one.
struct LiveRun {
  let folder: String

  /// The folder of all runs, relative to the working folder.
  static let parent = "runs"

  /// - Parameter name: the name of its folder in `runs/`; nil: the only live run.
  /// - Throws: `LaunchError` if no run is live, or more than one without a name.
  init(name: String?) throws {
    if let name {
      folder = "\(Self.parent)/\(name)"
      guard try Self.isLive(folder) else { throw LaunchError(Self.absent(name, Self.all())) }
      return
    }
    let live = Self.all()
    guard let first = live.first else {
      throw LaunchError(
        "no run is live in \(Self.parent)/ of this folder; start one with rookery up -d or rookery run, or change to "
          + "the folder in which it was started")
    }
    guard live.count == 1 else {
      throw LaunchError(
        "expected one live run, found \(live.joined(separator: ", ")); choose one with -p NAME")
    }
    folder = "\(Self.parent)/\(first)"
  }

  /// The folder of a run that may have ended.
  static func folder(name: String?) throws -> String {
    if let name {
      let folder = "\(parent)/\(name)"
      guard access("\(folder)/logs", F_OK) == 0 else { throw LaunchError(absent(name, all())) }
      return folder
    }
    return try LiveRun(name: nil).folder
  }

  /// Sends a request to the launcher.
  ///
  /// - Throws: `LaunchError` if the launcher refuses it or has ended.
  @discardableResult
  func ask(_ request: ControlRequest) throws -> ControlReply {
    guard let reply = try ControlClient.ask(request, folder: folder) else {
      throw LaunchError("the launcher of \(folder) has ended; see \(folder)/logs")
    }
    if let problem = reply.problem { throw LaunchError(problem) }
    return reply
  }

  /// Changes numbers of replicas, and waits until new processes have started and removed ones have
  /// ended. Returns the new numbers.
  @discardableResult
  func scale(_ changes: [String: ReplicaChange]) throws -> [String: Int] {
    let counts = try ask(.scale(changes)).replicas
    _ = try poll { processes in
      counts.allSatisfy { service, count in
        let own = processes.filter { $0.service == service }
        return own.count == count && !own.contains { $0.state == .stopping || $0.state == .waiting }
      }
    }
    return counts
  }

  /// Asks for the processes until `isDone`. The launcher's grace periods bound the time.
  func poll(until isDone: ([ProcessReport]) -> Bool) throws -> [ProcessReport] {
    while true {
      let processes = try ask(.processes).processes
      if isDone(processes) { return processes }
      Pause.short()
    }
  }

  /// The address of the run's dashboard; nil without one.
  static func page(_ folder: String) throws -> String? {
    try ControlClient.ask(.variables(of: .parameters), folder: folder)?.variables[
      "ROOKERY_HTTP_ADDRESS"]
  }

  static func isLive(_ folder: String) throws -> Bool {
    try ControlClient.ask(.processes, folder: folder) != nil
  }

  /// Names of the live runs, in order.
  private static func all() -> [String] {
    DirectoryNames.of(parent).filter { name in
      do {
        return try ControlClient.ask(.processes, folder: "\(parent)/\(name)", timeout: .seconds(1)) != nil
      } catch {
        // A launcher that hangs must not hide the other runs.
        CommandLineInterface.complain("\(error); this run is left out")
        return false
      }
    }
  }

  private static func absent(_ name: String, _ live: [String]) -> String {
    let others = live.isEmpty ? "no run is live here" : "live here: \(live.joined(separator: ", "))"
    return "expected a live run in \(parent)/\(name), found none; \(others)"
  }
}
