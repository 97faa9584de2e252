// The replay services that a command is for.

internal import Experience
internal import Launcher
internal import Transport

/// Finds the addresses of replay services.
enum ReplayAddresses {
  /// The named addresses; without any, those of a live run.
  ///
  /// - Throws: `LaunchError` if no address is named, and no run or more than one is live.
  static func of(_ named: [String], run: String?) throws -> [String] {
    named.isEmpty ? try all(of: LiveRun(name: run)) : named
  }

  /// The addresses of a run's shards, in the order of their numbers.
  static func all(of run: LiveRun) throws -> [String] {
    let variables = try run.ask(.variables(of: .actor)).variables
    guard let list = variables["ROOKERY_REPLAY_ADDRESS"] else {
      throw LaunchError(
        "expected ROOKERY_REPLAY_ADDRESS among the run's variables, found none; name the replay's address")
    }
    return try Endpoint.list(list).map(\.description)
  }
}
