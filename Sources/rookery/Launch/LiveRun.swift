// The run that a command is about.

internal import Experience
internal import Foundations
internal import Glibc
internal import Launcher

/// A run that a launcher is at work on, as commands find it: by name, or because it is the only one.
struct LiveRun {
  let folder: String

  /// Where runs are, seen from the working folder.
  static let parent = "runs"

  /// - Parameter name: of its folder under `runs/`; nil takes the only one that is live.
  /// - Throws: `LaunchError` if there is none, or more than one.
  init(name: String?) throws {
    if let name {
      folder = "\(Self.parent)/\(name)"
      guard try Self.isLive(folder) else { throw LaunchError(Self.absent(name, Self.all())) }
      return
    }
    let live = Self.all()
    guard let first = live.first else {
      throw LaunchError(
        "nothing runs in \(Self.parent)/ here; start something with rookery up -d or rookery run, or go to the folder "
          + "where it was started")
    }
    guard live.count == 1 else {
      throw LaunchError("expected one run, found \(live.joined(separator: ", ")); choose one with -p NAME")
    }
    folder = "\(Self.parent)/\(first)"
  }

  /// The folder of a run that may be over.
  static func folder(name: String?) throws -> String {
    if let name {
      let folder = "\(parent)/\(name)"
      guard access("\(folder)/logs", F_OK) == 0 else { throw LaunchError(absent(name, all())) }
      return folder
    }
    return try LiveRun(name: nil).folder
  }

  /// - Throws: `LaunchError` with what the launcher refused, or if it has ended meanwhile.
  @discardableResult
  func ask(_ request: ControlRequest) throws -> ControlReply {
    guard let reply = try ControlClient.ask(request, folder: folder) else {
      throw LaunchError("the launcher of \(folder) has ended meanwhile; see \(folder)/logs")
    }
    if let problem = reply.problem { throw LaunchError(problem) }
    return reply
  }

  /// Changes numbers of replicas and waits until the new ones are started and the others gone. Returns the numbers.
  @discardableResult
  func scale(_ changes: [String: ReplicaChange]) throws -> [String: Int] {
    let counts = try ask(.scale(changes)).replicas
    _ = try settle { processes in
      counts.allSatisfy { service, count in
        let own = processes.filter { $0.service == service }
        return own.count == count && !own.contains { $0.state == .stopping || $0.state == .waiting }
      }
    }
    return counts
  }

  /// Asks until it is so; the launcher bounds how long that takes, by its grace periods.
  func settle(until isDone: ([ProcessReport]) -> Bool) throws -> [ProcessReport] {
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
        // One that hangs must not stand in the way of the others.
        CommandLineInterface.complain("\(error); it is left out")
        return false
      }
    }
  }

  private static func absent(_ name: String, _ live: [String]) -> String {
    let others = live.isEmpty ? "nothing runs here" : "what runs here is \(live.joined(separator: ", "))"
    return "expected a live run in \(parent)/\(name), found none; \(others)"
  }
}
