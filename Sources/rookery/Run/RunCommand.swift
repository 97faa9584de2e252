// `rookery run`: start everything, watch, stop at the criterion, take everything down.

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
  /// The folder of an earlier run to take up.
  private let resumed: String?
  private let startedAt = SystemClock.now()

  init(_ list: [String]) throws {
    let arguments = try Arguments(
      list, valued: ["seed", "actors", "learners", "set", "name", "compose", "resume", "transport"],
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
    if let name = arguments.value("name") { settings.append("name=\(name)") }
    let variables = ProcessVariables.current()
    configuration = try EffectiveConfiguration(file: file, variables: variables, settings: settings)
    transport = try RunTransport(arguments, variables)
    composeFile = arguments.value("compose") ?? "compose/compose.yaml"
    json = arguments.has("json")
  }

  func execute() throws -> ExitCode {
    // An environment of Gymnasium is asked once, here: its facts go into the run's configuration.
    let configuration = try configuration.withEnvironmentFacts()
    let run = configuration.run
    let compose = try ComposeFile(contentsOf: composeFile, variables: ProcessVariables.current())
    try configuration.checkServices(
      shards: compose[.replay]?.replicas ?? 1, availableBytes: MachineMemory.availableBytes() ?? .max)
    let executable = try POSIXProcessHost.selfExecutable()
    try check(compose, run)
    // Before any thread: they inherit what is blocked here.
    let signals = try SignalDescriptor(Signals.termination + [Signals.childEnded])
    var view = RunView(json: json)
    let (folder, earlier) = try openFolder(configuration, view)
    try AtomicFile.replace(folder.file("config.yaml"), with: Array(configuration.run.yaml.utf8))
    // A run that goes on has not ended.
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
    for note in launcher.notes { view.say(note) }
    var watcher = try RunWatcher(
      run: run, folder: folder, statusPort: Self.statusPort(compose), pagePort: Self.pagePort(compose),
      launcher: launcher, view: view, startedAt: startedAt, earlier: earlier)
    return try watcher.watch(signals)
  }

  /// By it the run's processes are told from others.
  static func newToken() -> String {
    var generator = SystemRandomNumberGenerator()
    return Identifier(using: &generator).description
  }

  /// The one that is named, or the one that the earlier run kept.
  private static func configurationFile(_ arguments: Arguments) throws(UsageError) -> String {
    guard let resumed = arguments.value("resume") else {
      guard arguments.positional.count == 1 else {
        throw UsageError("expected one configuration file: rookery run config/cartpole.yaml")
      }
      return arguments.positional[0]
    }
    try arguments.expectNoPositional("no configuration file beside --resume, which takes the run's own")
    guard arguments.value("name") == nil else {
      throw UsageError("--name: a resumed run keeps its folder \(resumed); leave it out")
    }
    try RunFolder.check(resumed)
    return "\(resumed)/config.yaml"
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

  /// The port of the address by which the compose file lets others find the parameter server.
  private static func statusPort(_ compose: ComposeFile) -> String {
    let address = compose[.parameters]?.environment["ROOKERY_PARAMETERS_ADDRESS"]
    return address?.split(separator: ":").last.map(String.init) ?? "7702"
  }

  /// The port of the dashboard, if the parameter server is told to show one.
  private static func pagePort(_ compose: ComposeFile) -> String? {
    let address = compose[.parameters]?.environment["ROOKERY_HTTP_ADDRESS"]
    return address?.split(separator: ":").last.map { String($0.prefix { $0.isNumber }) }
  }

  /// A run without one of these would only wait.
  private func check(_ compose: ComposeFile, _ run: RunConfiguration) throws(UsageError) {
    for kind in ServiceKind.allCases where compose[kind] == nil && run.replicas(of: kind) != 0 {
      let found = compose.services.map(\.name).joined(separator: ", ")
      throw UsageError(
        "\(compose.file): expected the service '\(kind.rawValue)', which this run needs, found only \(found); add it, or leave out "
          + "--compose for compose/compose.yaml")
    }
  }
}

extension RunConfiguration {
  /// How many processes of a service the run has; nil leaves it to the compose file, which has one at least.
  fileprivate func replicas(of kind: ServiceKind) -> Int? {
    switch kind {
    case .parameters, .replay: nil
    case .learner: learner.replicas
    case .actor: actor.replicas
    case .evaluator: evaluator.enabled ? 1 : 0
    }
  }
}
