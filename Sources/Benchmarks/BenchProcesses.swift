// Real service processes for a benchmark.

internal import Console
internal import Configuration
internal import Experience
internal import FoundationEssentials
internal import Foundations
internal import Glibc
internal import Launcher
internal import Services
internal import Wire

/// Services on ipc addresses in a folder of their own. `deinit` kills them and removes the folder.
final class BenchProcesses {
  let folder: String
  private let executable: String
  private var children: [ChildProcess] = []
  private let variables: [String: String]
  private var workers = 0
  private let dataPath: String
  private var afterwards: [() -> Void] = []

  init(settings: [String: String]) throws {
    executable = try POSIXProcessHost.selfExecutable()
    var template = Array("/tmp/rookery-bench-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw SystemCallError.last("making a folder in", "/tmp") }
    folder = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    dataPath = ".rookery-bench-\(getpid())"
    var variables = ProcessVariables.current().filter { !$0.key.hasPrefix("ROOKERY_") }
    variables["ROOKERY_REPLAY_ADDRESS"] = "ipc://\(folder)/replay"
    variables["ROOKERY_PARAMETERS_ADDRESS"] = "ipc://\(folder)/parameters"
    variables["ROOKERY_WEIGHTS_ADDRESS"] = "ipc://\(folder)/weights"
    self.variables = variables.merging(settings) { $1 }
  }

  deinit {
    for child in children {
      _ = try? child.kill()
      _ = try? child.wait()
    }
    for path in [folder, dataPath] { try? FileManager.default.removeItem(atPath: path) }
    for body in afterwards { body() }
  }

  /// Runs `body` once all processes have ended.
  func afterwards(_ body: @escaping () -> Void) { afterwards.append(body) }

  var replayAddress: String { "ipc://\(folder)/replay" }
  var parametersAddress: String { "ipc://\(folder)/parameters" }

  @discardableResult
  func start(_ service: ServiceKind, with more: [String: String] = [:]) throws -> ChildProcess {
    try start([service.rawValue], with: more)
  }

  /// Starts a command of this program.
  @discardableResult
  func start(_ command: [String], with more: [String: String] = [:]) throws -> ChildProcess {
    var spawn = ProcessSpawn(
      executable, ["exec", "\(getpid())", "--", executable] + command,
      environment: variables.merging(more) { $1 })
    spawn.standardOutput = .append(path: "\(folder)/log")
    spawn.standardError = .append(path: "\(folder)/log")
    let child = try spawn.start()
    children.append(child)
    return child
  }

  /// Starts a client process of the benchmark; `output` is the file that it prints to.
  func startClient(_ arguments: [String]) throws -> (child: ChildProcess, output: String) {
    workers += 1
    let output = "\(folder)/worker-\(workers)"
    var spawn = ProcessSpawn(
      executable, ["exec", "\(getpid())", "--", executable, "bench-worker"] + arguments,
      environment: variables)
    spawn.standardOutput = .append(path: output)
    spawn.standardError = .append(path: output)
    let child = try spawn.start()
    children.append(child)
    return (child, output)
  }

  /// Makes a folder for a service's files in the working folder, which is on a disk; /tmp may be in
  /// memory.
  func makeDataFolder() throws -> String {
    try FolderPath.make(dataPath)
    return dataPath
  }

  /// Waits up to 30 s until `condition` holds for the run's status, which it asks for 20 times a
  /// second.
  func wait(
    for what: String, on client: StatusClient, until condition: (Status) -> Bool
  ) throws -> Status {
    let deadline = SystemClock.now() + .seconds(30)
    while SystemClock.now() < deadline {
      client.ask()
      // It sleeps rather than waking for the answer: asking as fast as answers come would cost what
      // is to be measured.
      usleep(50_000)
      if let status = client.poll(), condition(status) { return status }
      for child in children where try child.poll() != nil {
        throw BenchError("a service ended before \(what); see \(folder)/log")
      }
    }
    throw BenchError("waited 30 s for \(what)")
  }
}

struct BenchError: Error, CustomStringConvertible {
  var description: String

  init(_ description: String) {
    self.description = description
  }
}

extension Status {
  func counter(_ service: ServiceKind, _ metric: Metric) -> Double {
    processes.filter { $0.telemetry.kind == service }.compactMap { $0.telemetry[metric] }.reduce(0, +)
  }
}

/// The upper one of two in the middle.
func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

/// Prints named results as lines or as one JSON object.
func printResults(_ results: [(name: String, value: Double)], unit: String, json: Bool) {
  func rounded(_ value: Double) -> Double { value >= 100 ? value.rounded() : (value * 1000).rounded() / 1000 }
  if json {
    print("{" + results.map { "\"\($0.name)\": \(rounded($0.value))" }.joined(separator: ", ") + "}")
  } else {
    for (name, value) in results { print("\(name): \(Format.count(value))\(unit)") }
  }
}
