// `rookery run`: starts everything, watches, and stops everything at the criterion.

internal import Console
internal import Configuration
internal import Experience
internal import Foundations
internal import Glibc
internal import Launcher
internal import Services
internal import Transport
internal import Wire

struct RunCommand {
  private let configuration: EffectiveConfiguration
  private let composeFile: String
  private let json: Bool
  private let transport: RunTransport
  /// The folder of the run to resume; nil for a new run.
  private let resumed: String?
  private let startedAt = SystemClock.now()

  init(_ list: [String]) throws {
    let arguments = try Arguments(
      list,
      valued: [
        "seed", "actors", "learners", "set", "name", "compose", "resume", "transport", "record", "play",
      ],
      plain: ["json"])
    resumed = arguments.value("resume")
    let file = try Self.configurationFile(arguments)
    var settings = arguments.all("set")
    if let seed = try arguments.integer("seed", in: 0...Int.max) { settings.append("seed=\(seed)") }
    if let actors = try arguments.integer("actors", in: 0...1000) {
      settings.append("actor.replicas=\(actors)")
    }
    if let learners = try arguments.integer("learners", in: 0...1000) {
      settings.append("learner.replicas=\(learners)")
    }
    for (flag, key) in [("record", "recorder.out"), ("play", "player.recording")] {
      if let file = arguments.value(flag) { settings.append("\(key)=\(CommandLineInterface.quoted(file))") }
    }
    if let name = arguments.value("name") { settings.append("name=\(name)") }
    let variables = ProcessVariables.current()
    configuration = try EffectiveConfiguration(file: file, variables: variables, settings: settings)
    transport = try RunTransport(arguments, variables)
    composeFile = arguments.value("compose") ?? "compose/compose.yaml"
    json = arguments.has("json")
  }

  func execute() throws -> ExitCode {
    // Gymnasium is asked once, here: the environment's shapes go into the run's configuration.
    let configuration = try configuration.withEnvironmentFacts()
    let run = configuration.run
    try checkRecordings(run)
    if let problem = try configuration.problem(playing: run.player.recording) { throw UsageError(problem) }
    let compose = try ComposeFile(
      contentsOf: composeFile, variables: ProcessVariables.current(), profiles: run.profiles)
    let shards = run.replicas(of: .replay) ?? compose[.replay]?.replicas ?? 1
    try configuration.checkServices(
      shards: shards, availableBytes: MachineMemory.availableBytes() ?? .max)
    let executable = try POSIXProcessHost.selfExecutable()
    try check(compose, run)
    // Before any other thread starts: threads inherit the signals blocked here.
    let signals = try SignalDescriptor(Signals.termination + [Signals.childEnded])
    var view = RunView(json: json)
    let (folder, earlier) = try openFolder(configuration, view)
    try AtomicFile.replace(folder.file("config.yaml"), with: Array(configuration.run.yaml.utf8))
    // The summary of an earlier session is no longer true.
    unlink(folder.file("summary.json"))
    let variables = ProcessVariables.current()
    var options = LaunchOptions(runDirectory: folder.path, executable: executable, inherited: variables)
    options.environment = [
      "ROOKERY_CONFIG": folder.file("config.yaml"), "ROOKERY_RUN_DIRECTORY": folder.path,
      "ROOKERY_RUN_TOKEN": Self.newToken(),
    ]
    for kind in ServiceKind.allCases where compose[kind] != nil {
      options.replicas[kind.rawValue] = run.replicas(of: kind)
    }
    let sockets = try RunSockets(transport, variables: variables)
    for note in sockets.notes { view.say(note) }
    let launcher = try LocalLauncher(
      compose: compose, options: options, network: LoopbackNetwork(generator: SystemRandomNumberGenerator()),
      sockets: sockets.folder, host: POSIXProcessHost.guarded(executable: executable))
    for note in launcher.notes + run.bindingNotes(shards: shards) { view.say(note) }
    var watcher = try RunWatcher(
      run: run, folder: folder, statusPort: Self.statusPort(compose), pagePort: Self.pagePort(compose),
      launcher: launcher, view: view, startedAt: startedAt, earlier: earlier)
    return try watcher.watch(signals)
  }

  /// A random token that tells the run's processes from others.
  static func newToken() -> String {
    var generator = SystemRandomNumberGenerator()
    return Identifier(using: &generator).description
  }

  /// The named configuration file, or the one of the run to resume.
  private static func configurationFile(_ arguments: Arguments) throws(UsageError) -> String {
    guard let resumed = arguments.value("resume") else {
      guard arguments.positional.count == 1 else {
        throw UsageError("expected one configuration file: rookery run config/cartpole.yaml")
      }
      return arguments.positional[0]
    }
    try arguments.expectNoPositional("no configuration file beside --resume, which uses the run's own")
    guard arguments.value("name") == nil else {
      throw UsageError("--name: a resumed run keeps its folder \(resumed); leave it out")
    }
    try RunFolder.check(resumed)
    return "\(resumed)/config.yaml"
  }

  /// Refuses a recording to play that is not there, and one to record to that is.
  private func checkRecordings(_ run: RunConfiguration) throws {
    if !run.player.recording.isEmpty, access(run.player.recording, R_OK) != 0 {
      throw UsageError(
        "player.recording: expected a recording, found no file '\(run.player.recording)'; make one with rookery run "
          + "config/cartpole.yaml --record FILE, and name it with --play FILE")
    }
    let out = run.recorder.out
    if resumed == nil, !out.isEmpty, access(out, F_OK) == 0 {
      throw UsageError("recorder.out: expected a new file, found '\(out)'; name another one, or move it away")
    }
    let folder =
      out.contains("/")
      ? "\(out.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/"))/"
      : "."
    if !out.isEmpty, access(folder, W_OK | X_OK) != 0 {
      throw UsageError(
        "recorder.out: expected a folder that can be written, found '\(folder)': \(String(cString: strerror(errno)))"
      )
    }
  }

  private func openFolder(
    _ configuration: EffectiveConfiguration, _ view: RunView
  ) throws -> (RunFolder, EarlierSessions) {
    guard let resumed else {
      return (try RunFolder(parent: "runs", name: configuration.run.name), EarlierSessions())
    }
    let folder = try RunFolder(resuming: resumed)
    return (folder, try ResumeCheck(folder: folder, configuration: configuration).earlier(view))
  }

  /// The port of the parameter server's address in the compose file.
  private static func statusPort(_ compose: ComposeFile) -> String {
    let address = compose[.parameters]?.environment["ROOKERY_PARAMETERS_ADDRESS"]
    return address?.split(separator: ":").last.map(String.init) ?? "7702"
  }

  /// The port of the dashboard; nil if the compose file sets none.
  private static func pagePort(_ compose: ComposeFile) -> String? {
    let address = compose[.parameters]?.environment["ROOKERY_HTTP_ADDRESS"]
    return address?.split(separator: ":").last.map { String($0.prefix { $0.isNumber }) }
  }

  /// Refuses a compose file without a service of the run, which would wait for it forever.
  private func check(_ compose: ComposeFile, _ run: RunConfiguration) throws(UsageError) {
    for kind in ServiceKind.allCases where compose[kind] == nil && run.replicas(of: kind) != 0 {
      let found = compose.services.map(\.name).joined(separator: ", ")
      throw UsageError(
        "\(compose.file): expected the service '\(kind.rawValue)', which this run needs, found only \(found); add it, or leave out "
          + "--compose to use compose/compose.yaml")
    }
  }
}

extension RunConfiguration {
  /// The number of a service's processes; nil: the compose file's number.
  fileprivate func replicas(of kind: ServiceKind) -> Int? {
    switch kind {
    case .parameters: nil
    case .replay: replay.replicas > 0 ? replay.replicas : nil
    case .learner: learner.replicas
    case .actor: actor.replicas
    case .evaluator: evaluator.enabled ? 1 : 0
    case .recorder: recorder.out.isEmpty ? 0 : 1
    case .player: player.recording.isEmpty ? 0 : 1
    }
  }

  /// The profiles of the compose file whose services this run needs.
  fileprivate var profiles: [String] {
    (recorder.out.isEmpty ? [] : ["record"]) + (player.recording.isEmpty ? [] : ["play"])
  }
}
