// A run whose processes a benchmark measures.

internal import Experience
internal import FoundationEssentials
internal import Foundations
internal import Glibc
internal import Launcher
internal import Services
internal import Transport
internal import Wire

/// A run of `rookery up -d` in a folder under `runs/`. `deinit` stops it and removes the folder.
final class BenchRun {
  private let name = "bench-\(getpid())"
  private let executable: String
  private var folder: String { "runs/\(name)" }
  let up: ChildProcess
  let startedAt: Instant
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

  /// The sum of the rates at which processes count a metric, by each one's own clock.
  /// - Parameter count: how many processes of the kind there must be.
  func rate(of metric: Metric, _ kind: ServiceKind, count: Int, over seconds: Double = 3) throws -> Double {
    let before = try wait(for: "\(count) processes that count \(metric.rawValue)") { status in
      let present = status.present(kind)
      return present.count == count && present.allSatisfy { $0[metric] ?? 0 > 0 }
    }.present(kind)
    let base = Dictionary(before.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    func elapsed(_ process: ShownTelemetry) -> Double {
      (process[.uptime_s] ?? 0) - (base[process.id]?[.uptime_s] ?? .infinity)
    }
    let after = try wait(for: "\(seconds) seconds") {
      $0.present(kind).filter { elapsed($0) >= seconds }.count == count
    }.present(kind)
    return after.reduce(0) { sum, process in
      sum + ((process[metric] ?? 0) - (base[process.id]?[metric] ?? 0)) / elapsed(process)
    }
  }

  @discardableResult
  func wait(for what: String, until condition: (Status) -> Bool) throws -> Status {
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
  /// The processes of a kind that sent telemetry in the last two seconds.
  func present(_ kind: ServiceKind) -> [ShownTelemetry] {
    processes.filter { $0.telemetry.kind == kind && $0.age_s < 2 && $0.telemetry[.ended] ?? 0 == 0 }
      .map(\.telemetry)
  }
}
