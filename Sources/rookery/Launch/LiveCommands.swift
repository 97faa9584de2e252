// Commands for a live run: ps, scale, restart, env, down.

internal import Console
internal import Experience
internal import Foundations
internal import Glibc
internal import Launcher

extension CommandLineInterface {
  private static let name = (valued: ["name"], short: ["p": "name"])

  /// `rookery ps [--json]`
  static func showProcesses(_ list: [String]) throws -> ExitCode {
    let arguments = try Arguments(list, valued: name.valued, plain: ["json"], short: name.short)
    try arguments.expectNoPositional("rookery ps [-p NAME] [--json]")
    let processes = try LiveRun(name: arguments.value("name")).ask(.processes).processes
    if arguments.has("json") {
      for process in processes { print(try JSON.line(process), terminator: "") }
    } else {
      print(ProcessTable.text(processes))
    }
    return .success
  }

  /// `rookery scale actor=8 learner=+1`: returns when new processes have started and removed ones
  /// have ended.
  static func scale(_ list: [String]) throws -> ExitCode {
    let arguments = try Arguments(list, valued: name.valued, short: name.short)
    let changes = try ReplicaChanges(arguments.positional, usage: "rookery scale SERVICE=N … [-p NAME]")
      .changes
    let run = try LiveRun(name: arguments.value("name"))
    let before = try run.ask(.processes).processes
    let counts = try run.scale(changes)
    for (service, count) in counts.sorted(by: { $0.key < $1.key }) {
      print("\(service): \(before.count { $0.service == service }) → \(count)")
    }
    return .success
  }

  /// `rookery restart [SERVICE|SERVICE-N …]`: returns when the processes have started again.
  static func restart(_ list: [String]) throws -> ExitCode {
    let arguments = try Arguments(list, valued: name.valued, short: name.short)
    let run = try LiveRun(name: arguments.value("name"))
    let before = Set(try run.ask(.processes).processes.compactMap(\.pid))
    let names = arguments.positional
    func isSelected(_ process: ProcessReport) -> Bool {
      names.isEmpty || names.contains(process.service) || names.contains("\(process.instance)")
    }
    try run.ask(.restart(names))
    let after = try run.poll { processes in
      processes.filter(isSelected).allSatisfy { process in
        process.state != .stopping && process.state != .waiting
          && process.pid.map { !before.contains($0) } ?? true
      }
    }
    print(ProcessTable.text(after.filter(isSelected)))
    return .success
  }

  /// `rookery env [SERVICE]`: variables for a process that is started by hand, as lines for a
  /// shell's `eval`.
  static func showVariables(_ list: [String]) throws -> ExitCode {
    let arguments = try Arguments(list, valued: name.valued, short: name.short)
    guard arguments.positional.count <= 1 else {
      throw UsageError("expected rookery env [SERVICE] [-p NAME]")
    }
    let run = try LiveRun(name: arguments.value("name"))
    let service = arguments.positional.first ?? ServiceKind.actor.rawValue
    let variables = try run.ask(.variables(service: service)).variables
    // A shell evaluates this, and would run a malformed name as a command.
    for (name, value) in variables.sorted(by: { $0.key < $1.key }) where isVariable(name) {
      print(
        "export \(name)='\(value.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''"))'"
      )
    }
    return .success
  }

  private static func isVariable(_ name: String) -> Bool {
    name.first?.isNumber == false
      && name.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
          true
        default: false
        }
      }
  }

  /// `rookery down`: returns when everything has stopped.
  static func stopRun(_ list: [String]) throws -> ExitCode {
    let arguments = try Arguments(list, valued: name.valued, short: name.short)
    try arguments.expectNoPositional("rookery down [-p NAME]")
    let run = try LiveRun(name: arguments.value("name"))
    let count = try run.ask(.down).processes.count { $0.pid != nil }
    while try LiveRun.isLive(run.folder) { Pause.short() }
    print("stopped \(count) processes of \(run.folder)")
    return .success
  }
}

/// The words `actor=8 learner=+1` as changes by service.
struct ReplicaChanges {
  var changes: [String: ReplicaChange] = [:]

  init(_ words: [String], usage: String) throws(UsageError) {
    if words.isEmpty { throw UsageError("expected \(usage)") }
    for word in words {
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, !parts[0].isEmpty, let change = ReplicaChange(parts[1]) else {
        throw UsageError("expected SERVICE=N, as actor=8 or actor=+1, found '\(word)'; \(usage)")
      }
      guard changes.updateValue(change, forKey: String(parts[0])) == nil else {
        throw UsageError("expected each service once, found '\(parts[0])' twice")
      }
    }
  }

  /// The numbers for a launch; refuses `+N` and `-N`, as nothing runs yet.
  func counts(_ flag: String) throws(UsageError) -> [String: Int] {
    var counts: [String: Int] = [:]
    for (service, change) in changes {
      guard case .to(let count) = change else {
        throw UsageError("\(flag): expected SERVICE=N, found a sign before N for '\(service)'")
      }
      counts[service] = count
    }
    return counts
  }
}
