// Subcommands and exit codes.

internal import Benchmarks
internal import Console
internal import Configuration
internal import Experience
internal import Foundations
internal import Glibc
internal import Services
internal import Transport
internal import Wire

/// What a subcommand ends with.
enum ExitCode: Int32 {
  case success = 0
  /// It ran and failed: not solved, unhealthy, a service gave up.
  case failure = 1
  /// Wrong arguments or configuration; nothing was started.
  case usage = 2
}

enum CommandLineInterface {
  enum Command: String, CaseIterable {
    case run, eval, plot, up, scale, ps, logs, restart, env, down
    case inspect, limit, snapshot, restore
    case replay, parameters, learner, actor, evaluator, config, health, bench, exec, help, version
    case benchWorker = "bench-worker"
  }

  static func main(_ arguments: [String]) -> Never {
    do {
      exit(try dispatch(arguments).rawValue)
    } catch let error as UsageError {
      complain(error.description)
      exit(ExitCode.usage.rawValue)
    } catch let error as ConfigurationError {
      complain(error.description)
      exit(ExitCode.usage.rawValue)
    } catch let error as SettingsError {
      complain(error.description)
      exit(ExitCode.usage.rawValue)
    } catch let error as EndpointError {
      complain(error.description)
      exit(ExitCode.usage.rawValue)
    } catch {
      complain("\(error)")
      exit(ExitCode.failure.rawValue)
    }
  }

  private static func dispatch(_ arguments: [String]) throws -> ExitCode {
    guard let name = arguments.first else {
      print(usage)
      return .usage
    }
    let aliases = ["-h": "help", "--help": "help", "--version": "version"]
    guard let command = Command(rawValue: aliases[name] ?? name) else {
      let nearest = Suggestion.nearest(to: name, among: Command.allCases.map(\.rawValue))
      throw UsageError(
        "unknown command '\(name)'" + (nearest.map { "; did you mean '\($0)'?" } ?? "; see rookery help"))
    }
    let rest = Array(arguments.dropFirst())
    if command != .exec, rest.contains("--help") || rest.contains("-h") {
      print(usage)
      return .success
    }
    switch command {
    case .run: return try RunCommand(rest).execute()
    case .eval: return try EvalCommand(rest).execute()
    case .plot:
      var command = try PlotCommand(rest)
      return try command.execute()
    case .up: return try UpCommand(rest).execute()
    case .scale: return try scale(rest)
    case .ps: return try showProcesses(rest)
    case .logs: return try LogsCommand(rest).execute()
    case .restart: return try restart(rest)
    case .env: return try showVariables(rest)
    case .down: return try takeDown(rest)
    case .replay: return try serve(.replay, rest)
    case .parameters: return try serve(.parameters, rest)
    case .learner: return try serve(.learner, rest)
    case .actor: return try serve(.actor, rest)
    case .evaluator: return try serve(.evaluator, rest)
    case .config: return try showConfiguration(rest)
    case .health: return try checkHealth(rest)
    case .inspect: return try inspectReplay(rest)
    case .limit: return try limitReplay(rest)
    case .snapshot: return try SnapshotCommand(.snapshot, rest).execute()
    case .restore: return try SnapshotCommand(.restore, rest).execute()
    case .bench:
      try BenchCommand.run(rest)
      return .success
    case .benchWorker:
      try BenchCommand.runWorker(rest)
      return .success
    case .exec: try becomeGuarded(rest)
    case .help:
      print(usage)
      return .success
    case .version:
      print("rookery 0.1.0")
      return .success
    }
  }

  static func complain(_ text: String) {
    fflush(nil)
    StandardOutput.write("rookery: \(text)\n", to: 2)
  }

  static let usage = """
    Rookery: distributed actor-learner reinforcement learning.

      rookery run CONFIG.yaml        start every service, learn, stop at the criterion
          --seed N  --actors N  --learners N  --set key=value  --name NAME  --compose FILE  --json
          --transport ipc|tcp         tcp: loopback addresses in place of sockets of yours (docs/SECURITY.md)
      rookery run --resume runs/NAME go on with a run that ended or died
      rookery up [-f FILE] [-p NAME] [--scale actor=4] [--set key=value] [--transport ipc|tcp] [-d]
                                     start a compose file's services as processes of this machine; -d: in the background

    While something runs (-p NAME where there are several):

      rookery ps [--json]            its processes
      rookery scale actor=8          more or fewer of them
      rookery restart [SERVICE]      stop and start again: all, a service, or one process, as actor-2
      rookery logs [-f] [-n LINES] [SERVICE]
      rookery env [SERVICE]          variables for a process that you start yourself: eval "$(rookery env)"; rookery actor
      rookery down                   stop it

    To look at things:

      rookery eval runs/NAME|FILE.safetensors   greedy episodes of a checkpoint
          --episodes N  --seed N  --config CONFIG.yaml  --render FILM.gif  --json
      rookery plot runs/A runs/B …   learning curves as a picture
          --out FILE.svg|FILE.png  --x seconds|env_steps|updates  --metric NAME  --mean  --title TEXT
      rookery config show [CONFIG]   the effective configuration, and where each value came from
      rookery health ADDRESS         ask a service how it is (ipc://PATH or tcp://HOST:PORT, as rookery ps says)
      rookery inspect [ADDRESS]      what a replay holds: tables, limits, histograms, largest priorities; the live run's by default
          -p NAME  --table NAME  --top N  --item KEY  --json
      rookery limit [ADDRESS]        a table's limits, changed while it works
          -p NAME  --table NAME  --samples-per-insert X  --min-size N  --error-min A  --error-max B
      rookery snapshot NAME [ADDRESS]  copy what a replay holds to RUN/snapshots/NAME, while it works
      rookery restore NAME [ADDRESS]   insert what a snapshot holds again
      rookery bench step|actor|gymnasium|selectors|scale [--json]
      rookery bench replay [--json]  with --transport ipc,tcp  --payload 36,1k,28k,atari,36-record,…  --mode insert,sample,both,latency,update,writers,snapshot,restore,store
          --storage memory|file|disk  --rounds 5  --seconds 1

    One service by itself (addresses come from ROOKERY_REPLAY_ADDRESS, ROOKERY_PARAMETERS_ADDRESS
    and ROOKERY_WEIGHTS_ADDRESS, the configuration from ROOKERY_CONFIG or --config FILE):

      rookery replay | parameters | learner | actor | evaluator

    Exit codes: 0 done (run: solved, or a limit reached without a threshold), 1 failed (run: not solved), 2 wrong arguments or configuration.
    """
}
