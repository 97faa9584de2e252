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

/// The exit code of a subcommand.
enum ExitCode: Int32 {
  case success = 0
  /// The subcommand ran and failed: not solved, unhealthy, or a service that failed.
  case failure = 1
  /// Wrong arguments or configuration; nothing was started.
  case usage = 2
}

enum CommandLineInterface {
  enum Command: String, CaseIterable {
    case run, eval, plot, up, scale, ps, logs, restart, env, down
    case inspect, limit, snapshot, restore
    case record, play, recording
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
    case .down: return try stopRun(rest)
    case .record: return try record(rest)
    case .play: return try play(rest)
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
    case .recording: return try RecordingCommand.run(rest)
    case .bench:
      try BenchCommand.run(rest)
      return .success
    case .benchWorker:
      try BenchCommand.runClient(rest)
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

      rookery run CONFIG.yaml        start all services, learn, and stop when the run is solved
          --seed N  --actors N  --learners N  --set key=value  --name NAME  --compose FILE  --json
          --record FILE              record all experience
          --play FILE                play a recording, beside the configuration's actors
          --transport ipc|tcp        ipc: Unix sockets that only you can open (default); tcp: loopback
                                     addresses, which every user of this machine can reach
      rookery run --resume runs/NAME continue a run that ended or was killed
      rookery up [-f FILE] [-p NAME] [--profile NAME] [--scale actor=4] [--set key=value]
                 [--transport ipc|tcp] [-d]
                                     start the services of a compose file as local processes;
                                     -d: in the background

    Commands for a live run (choose one of several with -p NAME):

      rookery ps [--json]            list its processes
      rookery scale actor=8          change the number of a service's processes
      rookery restart [SERVICE]      stop and start again: all processes, a service, or one, as actor-2
      rookery logs [-f] [-n LINES] [SERVICE]
                                     print logs; -f: follow them
      rookery env [SERVICE]          print variables for a process that you start yourself:
                                     eval "$(rookery env)"; rookery actor
      rookery down                   stop everything
      rookery record --out FILE      record what the replay accepts, until Ctrl-C
          --actors A,B  --tables T  --share 0.25 (of the streams)  --level N (zstd)
      rookery play FILE              play a recording into the replay, in place of actors
          --to ADDRESS,…             a replay alone; without it, the live run's
          --speed max|1x|10x         max (default): as fast as the replay accepts it; 1x: as recorded
          --loop                     begin again at the end, until Ctrl-C
          --from 90s  --until 2m     a part, from the recording's beginning; also 90 and 1.5h
          --actors A,B               only these actors' steps
          --step                     show each chunk and wait for Enter

    Commands that inspect runs and services:

      rookery eval runs/NAME|FILE.safetensors   play greedy episodes with a checkpoint
          --episodes N  --seed N  --config CONFIG.yaml  --render FILM.gif  --json
      rookery plot runs/A runs/B …   draw learning curves
          --out FILE.svg|FILE.png  --x seconds|env_steps|updates  --metric NAME  --title TEXT
          --mean  --by-name  --range
      rookery config show [CONFIG]   print the effective configuration and the source of each value
          --set key=value
      rookery health ADDRESS         ask a service whether it is healthy (addresses: rookery ps)
      rookery inspect [ADDRESS]      print a replay's tables, limits, histograms, largest priorities
          -p NAME  --table NAME  --top N  --item KEY  --json
      rookery limit [ADDRESS]        print or change a table's rate limiter
          -p NAME  --table NAME  --samples-per-insert X  --min-size N  --error-min A  --error-max B
      rookery snapshot NAME [ADDRESS]  copy a replay's contents to RUN/snapshots/NAME
      rookery restore NAME [ADDRESS]   insert a snapshot's contents again
          Without ADDRESS, these four ask the replay of the live run.
      rookery recording check FILE…  read every byte of recordings; says what is damaged, and what is lost
      rookery recording info FILE    print what a recording holds
          --json  --digest           --digest: of the steps and items, as a replay inserts them
      rookery recording show FILE    print messages, their first steps and items
          --from TIME  --until TIME  --actors actor-1,actor-2  --limit N  --json
      rookery recording cut FILE --out NEW     copy a part, or without a selection everything readable
          --from TIME  --until TIME  --actors actor-1,actor-2  --tables NAME
          Times are after the first message: 90, 90s, 2m or 1h.
      rookery recording merge FILE… --out NEW  make one recording of several
      rookery bench step|actor|gymnasium|recording|selectors|learners|merge|scale [--json]
      rookery bench replay [--json]  --transport ipc,tcp  --payload 36,1k,28k,atari,36-record,…
          --mode insert,sample,both,latency,update,writers,snapshot,restore,store
          --storage memory|file|disk  --rounds 5  --seconds 1

    One service alone (addresses: ROOKERY_REPLAY_ADDRESS, ROOKERY_PARAMETERS_ADDRESS and
    ROOKERY_WEIGHTS_ADDRESS; configuration: ROOKERY_CONFIG or --config FILE):

      rookery replay | parameters | learner | actor | evaluator

    Exit codes: 0 success (run: solved, or a limit reached in a run without a threshold), 1 failure
    (run: not solved), 2 invalid arguments or configuration.
    """
}
