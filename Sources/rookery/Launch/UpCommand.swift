// `rookery up`: a compose file's services as processes of this machine.

internal import Console
internal import Configuration
internal import Foundations
internal import Glibc
internal import Launcher

/// Starts what the compose file says and keeps it running until `rookery down`, Ctrl-C or the machine's end. In the foreground it
/// shows what the processes say; with `-d` it goes on in the background, and the command returns when everything is up.
struct UpCommand {
  static let usage =
    "rookery up [-f FILE …] [-p NAME] [--profile NAME …] [--scale SERVICE=N …] [--set key=value …] [--transport ipc|tcp] "
    + "[-d]"

  private let compose: ComposeFile
  private let scale: [String: Int]
  /// What `--set` says, for all processes.
  private let settings: [String: String]
  private let name: String
  private let transport: RunTransport
  private let hasTransport: Bool
  private let isDetached: Bool
  /// This is the process that goes on in the background.
  private let isLauncher: Bool
  private let words: [String]

  init(_ list: [String]) throws {
    let arguments = try Arguments(
      list, valued: ["file", "name", "profile", "scale", "set", "transport"], plain: ["detach", "launcher"],
      short: ["f": "file", "p": "name", "d": "detach"])
    try arguments.expectNoPositional(Self.usage)
    let variables = ProcessVariables.current()
    let files = arguments.all("file")
    compose = try ComposeFile(
      files: files.isEmpty ? ["compose/compose.yaml"] : files, variables: variables,
      profiles: arguments.all("profile"))
    let scaled = arguments.all("scale")
    scale = scaled.isEmpty ? [:] : try ReplicaChanges(scaled, usage: Self.usage).counts("--scale")
    if let setting = arguments.all("set").first(where: { $0.prefix { $0 != "=" }.hasSuffix(".replicas") }) {
      throw UsageError("--set \(setting): here the compose file says how many; expected --scale SERVICE=N")
    }
    settings = try EffectiveConfiguration.variables(for: arguments.all("set"))
    name = arguments.value("name") ?? compose.name
    transport = try RunTransport(arguments, variables)
    hasTransport = arguments.value("transport") != nil
    guard RunConfiguration.isName(name) else {
      throw UsageError(
        "--name: expected letters, digits, '.', '_' and '-' that start with a letter or digit, found '\(name)'"
      )
    }
    try Self.check(compose, arguments.all("set"))
    isDetached = arguments.has("detach")
    isLauncher = arguments.has("launcher")
    words = list
  }

  /// Reads the services' configuration files as they will: each would refuse what is wrong by itself, again and again. Those that
  /// lie where only a container sees them are left to the processes.
  private static func check(_ compose: ComposeFile, _ settings: [String]) throws {
    var checked: Set<[String: String]> = []
    for service in compose.services where service.words.first == "rookery" {
      let variables = service.environment.filter { $0.key.hasPrefix("ROOKERY_") }
      guard let file = variables["ROOKERY_CONFIG"], !file.isEmpty, !file.hasPrefix("/"),
        service.workingDirectory == nil, checked.insert(variables).inserted
      else { continue }
      _ = try EffectiveConfiguration(file: file, variables: variables, settings: settings)
    }
  }

  func execute() throws -> ExitCode {
    let folder = "\(LiveRun.parent)/\(name)"
    if try LiveRun.isLive(folder) { return try change(folder) }
    if isDetached, !isLauncher { return try DetachedLauncher(folder: folder, arguments: words).start() }
    // Before any thread: they inherit what is blocked here.
    let signals = try SignalDescriptor(Signals.termination + [Signals.childEnded])
    let run = try RunFolder(reopen: name, parent: LiveRun.parent)
    let executable = try POSIXProcessHost.selfExecutable()
    let variables = ProcessVariables.current()
    var options = LaunchOptions(runDirectory: run.path, executable: executable, inherited: variables)
    options.replicas = scale
    options.environment = settings
    // `rookery up` goes on with what it left, but its processes are all new.
    options.environment["ROOKERY_RUN_TOKEN"] = RunCommand.newToken()
    let sockets = try RunSockets(transport, variables: variables, outlivesSession: isLauncher)
    let launcher = try LocalLauncher(
      compose: compose, options: options, network: LoopbackNetwork(generator: SystemRandomNumberGenerator()),
      sockets: sockets.folder, host: POSIXProcessHost.guarded(executable: executable))
    let notes = compose.notes + sockets.notes + launcher.notes
    var loop = try UpLoop(folder: run.path, launcher: launcher, showsLogs: !isLauncher)
    for note in notes { loop.say(note) }
    let code = try loop.run(signals)
    // It holds the folder's lock.
    withExtendedLifetime(run) {}
    return code
  }

  /// It is up already: as many replicas as asked for, and nothing else.
  private func change(_ folder: String) throws -> ExitCode {
    guard isDetached else {
      throw LaunchError(
        "\(folder) is up already; rookery logs -f -p \(name) follows it, rookery down -p \(name) stops it, and "
          + "-p NAME starts another beside it")
    }
    guard settings.isEmpty, !hasTransport else {
      throw LaunchError(
        "\(folder) is up already, and \(hasTransport ? "--transport" : "--set") is for processes that start; rookery down -p \(name) stops it"
      )
    }
    let run = try LiveRun(name: name)
    if !scale.isEmpty { try run.scale(scale.mapValues { .to($0) }) }
    print(ProcessTable.text(try run.ask(.processes).processes))
    return .success
  }
}
