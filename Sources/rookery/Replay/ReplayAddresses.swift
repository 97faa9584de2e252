// Which replay services a command is about.

internal import Launcher
internal import Transport

enum ReplayAddresses {
  /// Those named, or those of a live run.
  ///
  /// - Throws: `LaunchError` if nothing is named and there is no run, or more than one.
  static func of(_ named: [String], run: String?) throws -> [String] {
    if !named.isEmpty { return named }
    let variables = try LiveRun(name: run).ask(.variables(service: "actor")).variables
    guard let list = variables["ROOKERY_REPLAY_ADDRESS"] else {
      throw LaunchError("the run has no ROOKERY_REPLAY_ADDRESS; name the replay's address")
    }
    return try Endpoint.list(list).map(\.description)
  }
}
