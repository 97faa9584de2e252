// Checks whether a run can be resumed.

internal import Console
internal import Configuration
internal import FoundationEssentials
internal import Foundations
internal import Services

/// Reads everything that a resumed run needs, before anything is started.
struct ResumeCheck {
  let folder: RunFolder
  let configuration: EffectiveConfiguration

  /// Keys that must have the values with which the weights on disk were trained.
  private static let fixedKeys = [
    "environment.id", "environment.observation.shape", "environment.observation.type", "environment.actions",
    "environment.frame_stack",
    "algorithm.name", "algorithm.network", "algorithm.hidden", "algorithm.dueling",
  ]

  /// The progress of the earlier sessions; prints what the run resumes from.
  ///
  /// - Throws: `UsageError` if the configuration does not match the weights or a limit is already
  ///   reached, `ConfigurationError`, or the error of a damaged file.
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
        ? "\(folder.path): nothing was learned yet, so the run starts from its seed"
        : "resuming at weights version \(kept.version), after \(Format.number(earlier.seconds)) s, "
          + "\(Format.count(earlier.envSteps)) env steps and \(Format.count(earlier.updates)) updates; "
          + Self.text(replay))
    if wasSolved { view.say("the run was solved; it goes on until the criterion is confirmed again") }
    view.finish()
    return earlier
  }

  private static func text(_ replay: KeptReplay) -> String {
    switch replay {
    case .files: "the replay resumes from its files"
    case .snapshot: "the replay resumes from the snapshot of its end"
    case .nothing:
      "the replay starts empty, as it left no snapshot (logs/replay-1.log says why, unless it was killed)"
    }
  }

  private func refuseChanges() throws {
    let kept = try EffectiveConfiguration(file: folder.file("config.yaml")).entries
    for key in Self.fixedKeys {
      guard let before = kept.first(where: { $0.key == key }),
        let now = configuration.entries.first(where: { $0.key == key }), now.value != before.value
      else { continue }
      throw UsageError(
        "\(key): expected \(before.value), the value of the weights in \(folder.path), found \(now.value) "
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
        "stop.\(name): expected a limit above \(Format.number(reached)), which the run has reached already, found "
          + "\(Format.number(limit)); set a higher one, as --set stop.\(name)=\(Format.number(reached * 2)), or 0 for none"
      )
    }
  }

  private var wasSolved: Bool {
    struct Ending: Decodable {
      var solved: Bool
    }
    return JSON.objects(Ending.self, in: folder.file("summary.json")).objects.last?.solved == true
  }
}
