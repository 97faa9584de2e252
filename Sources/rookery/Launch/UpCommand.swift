// `rookery up`: runs a compose file's services as processes of this machine.

internal import Console
internal import Configuration
internal import Foundations
internal import Glibc
internal import Launcher

/// Starts the services of a compose file and keeps them running until `rookery down` or Ctrl-C. In
/// the foreground it shows their logs; with `-d` the launcher goes on in the background, and the
/// command returns when everything is up.
struct UpCommand {
  static let usage =
    "rookery up [-f FILE …] [-p NAME] [--profile NAME …] [--scale SERVICE=N …] [--set key=value …] [--transport ipc|tcp] "
    + "[-d]"

  private let compose: ComposeFile
  private let scale: [String: Int]
  /// The settings of `--set` as variables for all processes.
  private let settings: [String: String]
  private let name: String
  private let transport: RunTransport
  private let hasTransport: Bool
  private let isDetached: Bool
  /// Whether this is the launcher in the background.
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
      throw UsageError(
        "--set \(setting): expected --scale SERVICE=N, as rookery up takes numbers of processes from the compose file"
      )
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

  /// Reads the services' configuration files, to report a problem once and before the start. Files
  /// with paths of a container are left to the processes.
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
    // Before any other thread starts: threads inherit the signals blocked here.
    let signals = try SignalDescriptor(Signals.termination + [Signals.childEnded])
    let run = try RunFolder(reopen: name, parent: LiveRun.parent)
    let executable = try POSIXProcessHost.selfExecutable()
    let variables = ProcessVariables.current()
    var options = LaunchOptions(runDirectory: run.path, executable: executable, inherited: variables)
    options.replicas = scale
    options.environment = settings
    // The folder may be an earlier one's, but all processes are new.
    options.environment["ROOKERY_RUN_TOKEN"] = RunCommand.newToken()
    let sockets = try RunSockets(transport, variables: variables, outlivesSession: isLauncher)
    let launcher = try LocalLauncher(
      compose: compose, options: options, network: LoopbackNetwork(generator: SystemRandomNumberGenerator()),
      sockets: sockets.folder, host: POSIXProcessHost.guarded(executable: executable))
    let notes = compose.notes + sockets.notes + launcher.notes
    var loop = try UpLoop(folder: run.path, launcher: launcher, showsLogs: !isLauncher)
    for note in notes { loop.say(note) }
    let code = try loop.run(signals)
    // `run` holds the folder's lock.
    withExtendedLifetime(run) {}
    return code
  }

  /// Applies `--scale` to services that are up already; refuses everything else.
  private func change(_ folder: String) throws -> ExitCode {
    guard isDetached else {
      throw LaunchError(
        "\(folder) is up already; follow it with rookery logs -f -p \(name), stop it with rookery down -p \(name), or "
          + "start another with -p NAME")
    }
    guard settings.isEmpty, !hasTransport else {
      throw LaunchError(
        "\(folder) is up already, and \(hasTransport ? "--transport" : "--set") applies to new processes only; stop it first with rookery down -p \(name)"
      )
    }
    let run = try LiveRun(name: name)
    if !scale.isEmpty { try run.scale(scale.mapValues { .to($0) }) }
    print(ProcessTable.text(try run.ask(.processes).processes))
    return .success
  }
}
