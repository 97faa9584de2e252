// Starts a launcher in the background.

internal import Experience
internal import Foundations
internal import Glibc
internal import Launcher

/// Starts `rookery up` in a new session and waits until all its processes are up.
struct DetachedLauncher {
  let folder: String
  /// The arguments of this command, which the background process gets too.
  let arguments: [String]

  /// A process that has run for this long counts as up: an invalid configuration ends it sooner.
  private static let upAfter_s = 0.5

  func start() throws -> ExitCode {
    let log = try RunFolder(reopen: String(folder.split(separator: "/").last ?? ""), parent: LiveRun.parent)
      .file("logs/launcher.log")
    mkdir("\(folder)/logs", 0o700)
    var spawn = ProcessSpawn(
      try POSIXProcessHost.selfExecutable(), ["up"] + arguments + ["--launcher"])
    spawn.startsSession = true
    spawn.standardOutput = .append(path: log)
    spawn.standardError = .append(path: log)
    let begin = LogTail.size(of: log)
    let launcher = try spawn.start()
    while true {
      if let status = try launcher.poll() {
        let output = LogTail.lines(of: log, count: 20, from: begin).joined(separator: "\n")
        throw LaunchError("the launcher ended (\(status)) with this output:\n\(output)")
      }
      if let processes = try ControlClient.ask(.processes, folder: folder)?.processes, areUpOrEnded(processes)
      {
        return report(processes)
      }
      Pause.short()
    }
  }

  private func areUpOrEnded(_ processes: [ProcessReport]) -> Bool {
    processes.allSatisfy { process in
      switch process.state {
      case .running: (process.up_s ?? 0) >= Self.upAfter_s
      case .waiting, .backingOff, .stopping: false
      case .blocked, .finished, .failed, .stopped: true
      }
    }
  }

  private func report(_ processes: [ProcessReport]) -> ExitCode {
    print(ProcessTable.text(processes))
    let failed = processes.filter { $0.state == .failed }
    for process in failed {
      print("\(process.instance) failed; the end of \(process.log):")
      for line in LogTail.lines(of: process.log, count: 20) { print("  | \(line)") }
    }
    let blocked = processes.filter { $0.state == .blocked }
    for process in blocked { print("\(process.instance) does not start: a service it depends on has ended") }
    if let notice = (try? ControlClient.ask(.variables(of: .learner), folder: folder))??.learnerNotice {
      print(notice)
    }
    if let page = try? LiveRun.page(folder) { print("dashboard: \(page)") }
    let name = folder.split(separator: "/").last ?? ""
    print(
      "in \(folder); rookery logs -f · rookery scale actor=N · rookery down (with -p \(name) if other runs are live)"
    )
    return failed.isEmpty && blocked.isEmpty ? .success : .failure
  }
}
