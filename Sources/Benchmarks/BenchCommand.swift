// `rookery bench`: what this machine can do.

internal import Console

/// The benchmarks: `rookery bench`, and the client processes that it starts.
public enum BenchCommand {
  /// Runs `rookery bench` with the words after it. Throws `UsageError` for unknown words,
  /// `BenchError` if a measurement fails.
  public static func run(_ list: [String]) throws {
    let arguments = try Arguments(
      list, valued: ["transport", "payload", "mode", "storage", "rounds", "seconds"], plain: ["json"])
    switch arguments.positional {
    case ["step"]: benchStep(json: arguments.has("json"))
    case ["actor"]: try benchActor(json: arguments.has("json"))
    case ["gymnasium"]: try benchGymnasium(json: arguments.has("json"))
    case ["replay"]: try BenchReplayCommand(arguments).execute()
    case ["recording"]: try BenchRecordingCommand(arguments).execute()
    case ["selectors"]: benchSelectors(json: arguments.has("json"))
    case ["learners"]:
      try benchLearners(
        rounds: try arguments.integer("rounds", in: 1...101) ?? 3, seconds: 5, json: arguments.has("json"))
    case ["staleness"]:
      try benchStaleness(
        rounds: try arguments.integer("rounds", in: 1...101) ?? 3, seconds: 3, json: arguments.has("json"))
    case ["merge"]:
      benchMerge(rounds: try arguments.integer("rounds", in: 1...101) ?? 5, json: arguments.has("json"))
    case ["scale"]: try benchScale(json: arguments.has("json"))
    default:
      throw UsageError(
        "expected rookery bench step|actor|gymnasium|replay|recording|selectors|learners|staleness|merge|scale [--json]"
      )
    }
  }
}
