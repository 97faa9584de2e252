// `rookery bench scale`: how fast runs start and grow, and how actors scale.

internal import Experience
internal import FoundationEssentials
internal import Foundations
internal import Glibc
internal import Launcher
internal import Services
internal import Transport
internal import Wire

/// Measures with the commands that people use, `rookery up -d` and `rookery scale`, on real
/// processes.
///
/// * Five times: from the start of `rookery up` to the first learner update (CartPole), and from
///   the start of `rookery scale actor=+1` to the first message of the new actor that the replay
///   acknowledged. Both are read from telemetry, which a process sends every 0.1 s at
///   first, so each time may be 0.1 s too long.
/// * Environment steps a second of 1, 2, 4 … 32 actors, each with one environment that waits 1 ms a
///   step, beside one learner at full speed; the limiter has only a minimum size. Each rate is also
///   reported as a percentage of that many times the rate of one actor.
func benchScale(json: Bool) throws {
  var results: [(name: String, value: Double)] = []
  var (starts, joins): ([Double], [Double]) = ([], [])
  for _ in 0..<5 {
    let run = try BenchRun(configuration: "config/cartpole.yaml")
    starts.append(try run.secondsToFirstUpdate())
    joins.append(try run.secondsToFirstStepOfOneMore())
  }
  results.append(("up to first learner update, ms (median)", starts.sorted()[2] * 1000))
  results.append(("up to first learner update, ms (slowest)", (starts.max() ?? 0) * 1000))
  results.append(("scale actor=+1 to first accepted step, ms (median)", joins.sorted()[2] * 1000))
  results.append(("scale actor=+1 to first accepted step, ms (slowest)", (joins.max() ?? 0) * 1000))

  let run = try BenchRun(text: BenchRun.slowEnvironmentYAML)
  try run.command(["scale", "actor=1", "evaluator=0"])
  var one = 0.0
  for count in [1, 2, 4, 8, 16, 32] {
    try run.command(["scale", "actor=\(count)"])
    let rate = try run.stepsPerSecond(actors: count)
    if count == 1 { one = rate }
    results.append(("\(count) actors that wait 1 ms a step, steps/s", rate))
    results.append(("\(count) actors, % of linear", 100 * rate / (one * Double(count))))
  }
  printResults(results, unit: "", json: json)
}

/// A run of `rookery up -d` in a folder under `runs/`. `deinit` stops it and removes the folder.
private final class BenchRun {
  static let slowEnvironmentYAML = """
    environment: {id: CartPole-v1, step_delay_ms: 1}
    algorithm: {hidden: [64, 64]}
    actor: {environments: 1}
    replay: {capacity: 200000, rate_limiter: {samples_per_insert: 0, min_size: 1000}}
    telemetry: {interval_ms: 500}
    """

  private let name = "bench-scale-\(getpid())"
  private let executable: String
  private var folder: String { "runs/\(name)" }
  private let up: ChildProcess
  private let startedAt: Instant
  /// Private to this user: a predictable name could be another user's link.
  private let scratch: String
  private let log: String
  private var status: StatusClient?

  convenience init(text: String) throws {
    try self.init { scratch in
      try AtomicFile.replace("\(scratch)/config.yaml", with: Array(text.utf8))
      return "\(scratch)/config.yaml"
    }
  }

  convenience init(configuration: String) throws {
    try self.init { _ in configuration }
  }

  /// - Parameter configure: returns the path of the configuration; it may write the file into the
  ///   folder that it gets.
  private init(_ configure: (String) throws -> String) throws {
    executable = try POSIXProcessHost.selfExecutable()
    var template = Array("/tmp/rookery-bench-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw SystemCallError.last("making a folder in", "/tmp") }
    scratch = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    log = "\(scratch)/log"
    let configuration = try configure(scratch)
    var variables = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("ROOKERY_") }
    variables["ROOKERY_CONFIG"] = configuration
    var spawn = ProcessSpawn(executable, ["up", "-d", "-p", name], environment: variables)
    spawn.standardOutput = .append(path: log)
    spawn.standardError = .append(path: log)
    startedAt = SystemClock.now()
    up = try spawn.start()
  }

  deinit {
    _ = try? up.wait()
    try? command(["down"])
    try? FileManager.default.removeItem(atPath: folder)
    try? FileManager.default.removeItem(atPath: scratch)
  }

  func command(_ words: [String]) throws {
    var spawn = ProcessSpawn(executable, words + ["-p", name])
    spawn.standardOutput = .append(path: log)
    spawn.standardError = .append(path: log)
    // The run must be up before it can be changed.
    _ = try up.wait()
    guard try spawn.start().wait() == .exited(code: 0) else {
      throw BenchError("rookery \(words.joined(separator: " ")) failed: \(LogTail.lines(of: log, count: 5))")
    }
  }

  func secondsToFirstUpdate() throws -> Double {
    try wait(for: "the first update") { $0.counter(.learner, .updates_total) > 0 }
    return (SystemClock.now() - startedAt).seconds
  }

  func secondsToFirstStepOfOneMore() throws -> Double {
    _ = try up.wait()
    let known = Set(try wait(for: "actors") { $0.actors.count == 2 }.actors.map(\.id))
    let start = SystemClock.now()
    try command(["scale", "actor=+1"])
    try wait(for: "the third actor") { status in
      status.actors.contains { !known.contains($0.id) && $0[.messages_committed_total] ?? 0 > 0 }
    }
    return (SystemClock.now() - start).seconds
  }

  /// The sum of the actors' rates over three seconds, by each actor's own clock.
  func stepsPerSecond(actors count: Int) throws -> Double {
    let before = try wait(for: "\(count) actors") { status in
      status.actors.count == count
        && status.actors.allSatisfy { $0[.messages_committed_total] ?? 0 > 0 }
    }.actors
    let base = Dictionary(before.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    func elapsed(_ actor: ShownTelemetry) -> Double {
      (actor[.uptime_s] ?? 0) - (base[actor.id]?[.uptime_s] ?? .infinity)
    }
    let after = try wait(for: "three seconds") { $0.actors.filter { elapsed($0) >= 3 }.count == count }.actors
    return after.reduce(0) { sum, actor in
      let steps = (actor[.env_steps_total] ?? 0) - (base[actor.id]?[.env_steps_total] ?? 0)
      return sum + steps / elapsed(actor)
    }
  }

  @discardableResult
  private func wait(for what: String, until condition: (Status) -> Bool) throws -> Status {
    let deadline = SystemClock.now() + .seconds(60)
    while SystemClock.now() < deadline {
      if let client = try connected() {
        client.ask()
        var poller = Poller()
        client.add(to: &poller)
        let now = SystemClock.now()
        poller.wait(until: now + .milliseconds(10), now: now)
        if let status = client.poll(), condition(status) { return status }
      }
      if let ended = try up.poll(), ended != .exited(code: 0) {
        throw BenchError("rookery up failed: \(LogTail.lines(of: log, count: 5).joined(separator: "\n"))")
      }
      Pause.short()
    }
    throw BenchError("waited 60 s for \(what)")
  }

  private func connected() throws -> StatusClient? {
    if status == nil,
      let variables = try ControlClient.ask(.variables(service: ServiceKind.actor.rawValue), folder: folder)?
        .variables,
      let address = variables["ROOKERY_PARAMETERS_ADDRESS"]
    {
      status = try StatusClient(address: address)
    }
    return status
  }
}

extension Status {
  /// The actors that sent telemetry in the last two seconds.
  fileprivate var actors: [ShownTelemetry] {
    processes.filter { $0.telemetry.kind == .actor && $0.age_s < 2 }.map(\.telemetry)
  }
}
