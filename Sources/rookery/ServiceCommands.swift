// The services as subcommands.

internal import Console
internal import Configuration
internal import Experience
internal import Foundations
internal import Glibc
internal import Services
internal import Wire

extension CommandLineInterface {
  /// Runs one service until it is told to stop.
  static func serve(_ kind: ServiceKind, _ list: [String]) throws -> ExitCode {
    let arguments = try Arguments(list, valued: ["config", "set"])
    try arguments.expectNoPositional("rookery \(kind.rawValue) [--config CONFIG.yaml] [--set key=value]")
    let variables = ProcessVariables.current()
    let file = arguments.value("config") ?? variables["ROOKERY_CONFIG"]
    return try serve(kind, file: file, settings: arguments.all("set"), variables)
  }

  /// Runs one service with these settings over the configuration file.
  /// - Parameter gate: decides when a player goes on.
  static func serve(
    _ kind: ServiceKind, file: String?, settings: [String], _ variables: [String: String],
    gate: (any PlayGate)? = nil
  ) throws -> ExitCode {
    let effective = try EffectiveConfiguration(file: file, variables: variables, settings: settings)
    let configuration = effective.run
    let settings = try ServiceSettings(service: kind, environment: variables)
    if let folder = settings.runDirectory { closeRun(folder) }
    switch kind {
    case .replay: try ReplayService(configuration: effective, settings: settings).run()
    case .parameters: try ParameterService(configuration: configuration, settings: settings).run()
    case .learner: try LearnerService(configuration: configuration, settings: settings).run()
    case .actor: try ActorService(configuration: configuration, settings: settings).run()
    case .evaluator: try EvaluatorService(configuration: configuration, settings: settings).run()
    case .recorder: try RecorderService(configuration: configuration, settings: settings).run()
    case .player: try PlayerService(configuration: configuration, settings: settings, gate: gate).run()
    }
    return .success
  }

  /// Closes a run's folder to other users, as an earlier version may have made it with wider
  /// permissions. Any other folder stays as it is: the files that services make in it are closed to
  /// other users anyway.
  private static func closeRun(_ folder: String) {
    guard
      ["parameters.rookery", "replay", "checkpoints"].contains(where: { access("\(folder)/\($0)", F_OK) == 0 }
      ),
      !isShared(folder)
    else { return }
    do {
      try PrivateFiles.closeFolder(folder)
    } catch {
      complain("\(error)")
    }
  }

  /// Whether all users share the folder, as `/tmp`.
  private static func isShared(_ folder: String) -> Bool {
    var status = stat()
    return stat(folder, &status) == 0 && status.st_mode & S_ISVTX != 0
  }

  /// `rookery config show [FILE] [--set …]`
  static func showConfiguration(_ list: [String]) throws -> ExitCode {
    let arguments = try Arguments(list, valued: ["set"])
    guard arguments.positional.first == "show", arguments.positional.count <= 2 else {
      throw UsageError("expected rookery config show [CONFIG.yaml] [--set key=value]")
    }
    let file = arguments.positional.dropFirst().first
    print(
      try EffectiveConfiguration(
        file: file, variables: ProcessVariables.current(), settings: arguments.all("set")
      ).show)
    return .success
  }

  /// `rookery health ADDRESS`
  static func checkHealth(_ list: [String]) throws -> ExitCode {
    let arguments = try Arguments(list, valued: ["timeout"])
    guard arguments.positional.count == 1 else { throw UsageError("expected rookery health ADDRESS") }
    let timeout = try arguments.integer("timeout", in: 1...3600) ?? 2
    guard
      let health = try HealthClient.ask(arguments.positional[0], timeout: .seconds(Double(timeout)))
    else {
      complain("\(arguments.positional[0]): no answer in \(timeout) s")
      return .failure
    }
    print("\(health.service) \(health.isHealthy ? "healthy" : "unhealthy"): \(health.text)")
    return health.isHealthy ? .success : .failure
  }

  /// `rookery exec PARENT_PID -- COMMAND…`: becomes the command, which is killed when the parent
  /// ends. The launcher starts every process through it, so that none survives the launcher.
  static func becomeGuarded(_ list: [String]) throws -> Never {
    guard list.count >= 3, let parent = Int32(list[0]), list[1] == "--" else {
      throw UsageError("expected rookery exec PARENT_PID -- COMMAND…")
    }
    try ParentDeath.arm(signal: 9, parent: parent)
    try ProcessSpawn.become(list[2], Array(list.dropFirst(3)))
  }
}
