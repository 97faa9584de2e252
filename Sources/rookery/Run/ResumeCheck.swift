// Whether a run can be taken up again.

internal import Console
internal import Configuration
internal import FoundationEssentials
internal import Foundations
internal import Services

/// Reads everything that a resumed run will stand on before anything is started.
struct ResumeCheck {
  let folder: RunFolder
  let configuration: EffectiveConfiguration

  /// What the weights on disk cannot follow.
  private static let fixedKeys = [
    "environment.id", "environment.observation.shape", "environment.observation.type", "environment.actions",
    "environment.frame_stack",
    "algorithm.name", "algorithm.network", "algorithm.hidden", "algorithm.dueling",
  ]

  /// How far the run had come; tells what it goes on from.
  ///
  /// - Throws: `UsageError` if the configuration is of another network or a limit is reached already, `ConfigurationError`, or
  ///   what is wrong with a kept file.
  func earlier(_ view: RunView) throws -> EarlierSessions {
    try refuseChanges()
    let kept = try KeptRun(directory: folder.path, configuration: configuration.run)
    let replay = try KeptReplay(directory: folder.path, configuration: configuration.run)
    let earlier = EarlierSessions(folder, kept: kept)
    try refuseReachedLimits(earlier)
    var view = view
    for notice in kept.notices { view.say("warning: \(notice)") }
    view.say(
      kept.version == 0
        ? "\(folder.path): nothing had been learned yet; it starts from its seed"
        : "resuming at weights version \(kept.version), after \(Format.number(earlier.seconds)) s, "
          + "\(Format.count(earlier.envSteps)) env steps and \(Format.count(earlier.updates)) updates; "
          + Self.text(replay))
    if wasSolved { view.say("it was solved; it goes on until that is confirmed anew") }
    view.finish()
    return earlier
  }

  private static func text(_ replay: KeptReplay) -> String {
    switch replay {
    case .files: "the replay takes up its files"
    case .snapshot: "the replay takes up what it held at its end"
    case .nothing:
      "the replay starts empty, as it left nothing (logs/replay-1.log says why, unless it was killed)"
    }
  }

  private func refuseChanges() throws {
    let kept = try EffectiveConfiguration(file: folder.file("config.yaml")).entries
    for key in Self.fixedKeys {
      guard let before = kept.first(where: { $0.key == key }),
        let now = configuration.entries.first(where: { $0.key == key }), now.value != before.value
      else { continue }
      throw UsageError(
        "\(key): expected \(before.value), which the weights in \(folder.path) are of, found \(now.value) "
          + "(\(now.source)); leave it as it is, or start a new run")
    }
  }

  /// The limits of `stop` count all sessions together.
  private func refuseReachedLimits(_ earlier: EarlierSessions) throws(UsageError) {
    let stop = configuration.run.stop
    let limits = [
      ("seconds", stop.seconds, earlier.seconds), ("env_steps", Double(stop.envSteps), earlier.envSteps),
      ("updates", Double(stop.updates), earlier.updates),
    ]
    for (name, limit, reached) in limits where limit > 0 && reached >= limit {
      throw UsageError(
        "stop.\(name): the run has come to \(Format.number(reached)) already, and its limit is \(Format.number(limit)); "
          + "set a higher one, as --set stop.\(name)=\(Format.number(reached * 2)), or 0 for none")
    }
  }

  private var wasSolved: Bool {
    struct Ending: Decodable {
      var solved: Bool
    }
    return JSON.objects(Ending.self, in: folder.file("summary.json")).objects.last?.solved == true
  }
}
