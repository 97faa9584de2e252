// `rookery play`: plays a recording into a replay.

internal import Configuration
internal import Console
internal import Experience
internal import Foundations
internal import Launcher
internal import Services

extension CommandLineInterface {
  /// `rookery play [FILE] [--to ADDRESS,…] [--speed max|1x|10x] [--loop] [--from 90s] [--until 2m]
  /// [--actors A,B] [--step] [-p NAME]`: to the recording's end, or as the service `player` of a
  /// compose file.
  static func play(_ list: [String]) throws -> ExitCode {
    let arguments = try Arguments(
      list, valued: ["to", "speed", "from", "until", "actors", "name", "config", "set"],
      plain: ["loop", "step"],
      short: ["p": "name"])
    guard arguments.positional.count <= 1 else {
      throw UsageError("expected rookery play FILE with one file, found \(arguments.positional.count)")
    }
    var settings = arguments.all("set")
    if let file = arguments.positional.first { settings.append("player.recording=\(quoted(file))") }
    if let speed = arguments.value("speed") { settings.append("player.speed=\(quoted(speed))") }
    if arguments.has("loop") { settings.append("player.loop=true") }
    for flag in ["from", "until"] {
      if let seconds = try arguments.seconds(flag) { settings.append("player.\(flag)_s=\(seconds)") }
    }
    if let actors = arguments.setting("player.actors", names: "actors") { settings.append(actors) }
    let variables = try playVariables(arguments)
    return try serve(
      .player, file: arguments.value("config") ?? variables["ROOKERY_CONFIG"], settings: settings, variables,
      gate: arguments.has("step") ? StepPrompt() : nil)
  }

  /// Where to play to: `--to`, the variables, or the live run.
  private static func playVariables(_ arguments: Arguments) throws -> [String: String] {
    guard let address = arguments.value("to") else {
      do {
        return try runVariables(arguments.value("name"), unless: "ROOKERY_REPLAY_ADDRESS")
      } catch let error as LaunchError {
        throw LaunchError("\(error); or name a replay with --to ADDRESS")
      }
    }
    if arguments.value("name") != nil {
      throw UsageError("expected --to ADDRESS or -p NAME, found both")
    }
    var variables = ProcessVariables.current()
    variables["ROOKERY_REPLAY_ADDRESS"] = address
    // The launcher's file would replace the address.
    variables["ROOKERY_ADDRESSES_FILE"] = nil
    return variables
  }
}
