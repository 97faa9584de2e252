// `rookery record`: records what a replay accepts.

internal import Configuration
internal import Console
internal import Experience
internal import Foundations
internal import Launcher

extension CommandLineInterface {
  /// `rookery record [--out FILE] [--actors A,B] [--tables T,…] [--share F] [--level N] [-p NAME]`:
  /// until Ctrl-C, or as the service `recorder` of a compose file.
  static func record(_ list: [String]) throws -> ExitCode {
    let arguments = try Arguments(
      list, valued: ["out", "actors", "tables", "share", "level", "name", "config", "set"],
      short: ["p": "name"])
    try arguments.expectNoPositional(
      "rookery record --out FILE [--actors A,B] [--tables T] [--share 0.25] [--level N] [-p NAME]")
    var settings = arguments.all("set")
    if let out = arguments.value("out") { settings.append("recorder.out=\(quoted(out))") }
    for key in ["actors", "tables"] {
      if let names = arguments.setting("recorder.\(key)", names: key) { settings.append(names) }
    }
    for key in ["share", "level"] {
      if let value = arguments.value(key) { settings.append("recorder.\(key)=\(value)") }
    }
    let variables = try runVariables(arguments.value("name"), unless: "ROOKERY_TAP_ADDRESS")
    return try serve(
      .recorder, file: arguments.value("config") ?? variables["ROOKERY_CONFIG"], settings: settings, variables
    )
  }

  /// A text as a YAML scalar.
  static func quoted(_ text: String) -> String {
    "'\(text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''"))'"
  }

  /// This process's variables, and, unless they have `name`, those of a live run.
  /// - Throws: `LaunchError` if no run is live, or more than one without a name.
  static func runVariables(_ run: String?, unless name: String) throws -> [String: String] {
    let own = ProcessVariables.current()
    if run == nil, own[name]?.isEmpty == false { return own }
    let variables = try LiveRun(name: run).ask(.variables(of: .actor)).variables
    // A process of its own, whatever the number of the actor was.
    return own.merging(variables) { $1 }.merging(["ROOKERY_REPLICA": own["ROOKERY_REPLICA"] ?? "1"]) { $1 }
  }
}
