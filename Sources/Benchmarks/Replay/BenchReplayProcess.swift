// A replay service under measurement, and its clients.

internal import Configuration
internal import Experience
internal import FoundationEssentials
internal import Foundations
internal import Glibc
internal import Launcher
internal import Services
internal import Wire

/// A replay service in a process of its own; it ends with this object.
final class BenchReplayProcess {
  private let processes: BenchProcesses
  private let payload: BenchPayload
  private let address: String
  private let service: ChildProcess
  /// Steps in its ring.
  let capacity: Int

  /// - Parameters:
  ///   - keepsSnapshots: whether the service has a folder for snapshots.
  ///   - isTapped: whether it can be recorded.
  init(
    _ payload: BenchPayload, transport: String, storage: BenchStorage, keepsSnapshots: Bool = false,
    isTapped: Bool = false
  ) throws {
    self.payload = payload
    let (storageKey, capacityFactor) =
      switch storage {
      case .memory: ("memory", 1)
      case .file: ("file", 1)
      case .disk: ("file", 3)
      }
    capacity = payload.capacity * capacityFactor
    // A fifth of the ring.
    let memory = capacity * payload.schema.stepByteCount / 5
    let settings = [
      "ROOKERY_REPLAY__CAPACITY": "\(capacity)",
      "ROOKERY_REPLAY__RATE_LIMITER__SAMPLES_PER_INSERT": "0",
      "ROOKERY_REPLAY__STORAGE": storageKey,
      "ROOKERY_REPLAY__MEMORY_MB": storage == .disk ? "\(memory / 1_000_000)" : "0",
      "ROOKERY_ALGORITHM__N_STEP": "\(max(1, payload.nStep))",
      "ROOKERY_ALGORITHM__BATCH": "512",
    ]
    processes = try BenchProcesses(settings: settings.merging(payload.settings) { $1 })
    // A port is found by binding port 0 and releasing it.
    address = transport == "ipc" ? processes.replayAddress : "tcp://127.0.0.1:\(try FreePort.find())"
    var variables = ["ROOKERY_REPLAY_ADDRESS": address]
    if isTapped { variables["ROOKERY_TAP_ADDRESS"] = "\(processes.replayAddress).tap" }
    if storage != .memory || keepsSnapshots {
      variables["ROOKERY_RUN_DIRECTORY"] = try processes.makeDataFolder()
    }
    service = try processes.start(.replay, with: variables)
    if storage == .disk {
      // 160 MB for everything but the ring: messages, tables, the program.
      let group = try BenchMemoryGroup(bytes: memory + 160_000_000)
      processes.afterwards { group.remove() }
      try group.add(service.identifier)
    }
  }

  private var tapAddress: String { "\(processes.replayAddress).tap" }

  /// Starts a recorder, and returns when it has found the shard.
  func startRecorder() throws -> BenchRecorder {
    let path = "\(try processes.makeDataFolder())/recording"
    unlink(path)
    // It takes a while until it is connected, which the rates' warm-up allows for.
    return BenchRecorder(
      try processes.start(["record", "--out", path], with: ["ROOKERY_TAP_ADDRESS": tapAddress]), path: path)
  }

  func waitUntilItAnswers() throws {
    for _ in 0..<30 {
      if try HealthClient.ask(address, timeout: .seconds(1)) != nil { return }
      if try service.poll() != nil { throw BenchError("the replay ended; see \(processes.folder)/log") }
    }
    throw BenchError("the replay does not answer; see \(processes.folder)/log")
  }

  /// The service's memory, including the pages of its files that are in memory.
  var residentBytes: Int {
    guard let line = TextLines.first(in: "/proc/\(service.identifier)/status", startingWith: "VmRSS"),
      let kilobytes = line.split(separator: " ").compactMap({ Int($0) }).first
    else { return 0 }
    return kilobytes * 1024
  }

  /// User and system time of the service so far, in seconds.
  var cpuSeconds: Double {
    guard let text = try? String(contentsOfFile: "/proc/\(service.identifier)/stat", encoding: .utf8),
      let end = text.lastIndex(of: ")")
    else { return 0 }
    let fields = text[end...].split(separator: " ")
    guard fields.count > 13, let user = Double(fields[12]), let system = Double(fields[13]) else { return 0 }
    return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
  }

  /// Runs a client process to its end.
  @discardableResult
  func runClient(_ kind: String, _ arguments: [String]) throws -> BenchReport {
    try finish(try begin(kind, arguments))
  }

  /// Runs several client processes at once.
  func runClients(_ all: [(kind: String, arguments: [String])]) throws -> [BenchReport] {
    let begun = try all.map { try begin($0.kind, $0.arguments) }
    return try begun.map(finish)
  }

  private func begin(_ kind: String, _ arguments: [String]) throws -> (child: ChildProcess, output: String) {
    try processes.startClient([kind, address, "--payload", payload.rawValue] + arguments)
  }

  private func finish(_ client: (child: ChildProcess, output: String)) throws -> BenchReport {
    let status = try client.child.wait()
    let text = (try? String(contentsOfFile: client.output, encoding: .utf8)) ?? ""
    unlink(client.output)
    guard status.isSuccess else { throw BenchError("a client ended with \(status): \(text)") }
    if text.isEmpty { return BenchReport(perSecond: 0, p50_ms: 0, p99_ms: 0, cpu: 0) }
    return try JSONDecoder().decode(BenchReport.self, from: Data(text.utf8))
  }
}

/// Finds a TCP port on which no process listens.
enum FreePort {
  static func find() throws -> Int {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, size) == 0 && getsockname(descriptor, $0, &size) == 0
      }
    }
    guard isBound else { throw SystemCallError.last("find a free port") }
    return Int(UInt16(bigEndian: address.sin_port))
  }
}

enum TextLines {
  /// The first line of a file that starts with `prefix`.
  static func first(in path: String, startingWith prefix: String) -> String? {
    (try? String(contentsOfFile: path, encoding: .utf8))?.split(separator: "\n")
      .first { $0.hasPrefix(prefix) }.map(String.init)
  }
}
