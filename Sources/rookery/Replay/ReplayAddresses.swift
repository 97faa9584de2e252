// Which replay services a command is about.

internal import Experience
internal import Launcher
internal import Transport

enum ReplayAddresses {
  /// Those named, or those of a live run.
  ///
  /// - Throws: `LaunchError` if nothing is named and there is no run, or more than one.
  static func of(_ named: [String], run: String?) throws -> [String] {
    named.isEmpty ? try all(of: LiveRun(name: run)) : named
  }

  /// Those of a run's shards, in the order of their numbers.
  static func all(of run: LiveRun) throws -> [String] {
    let variables = try run.ask(.variables(of: .actor)).variables
    guard let list = variables["ROOKERY_REPLAY_ADDRESS"] else {
      throw LaunchError("the run has no ROOKERY_REPLAY_ADDRESS; name the replay's address")
    }
    return try Endpoint.list(list).map(\.description)
  }
}
