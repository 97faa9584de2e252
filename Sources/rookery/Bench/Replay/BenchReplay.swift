// `rookery bench replay`: what a replay service takes and serves.

internal import Configuration
internal import Foundations
internal import Glibc
internal import Launcher
internal import ReplayStore
internal import Services

/// What one case measured: medians over the rounds.
struct BenchCase: Encodable {
  var transport: String
  var payload: String
  /// Steps of a message.
  var message: Int
  /// `insert`, `sample`, `both`, `latency`, `update` or `writers`.
  var mode: String
  var insert_per_s: Double?
  var batches_per_s: Double?
  var keys_per_s: Double?
  var insert_p50_ms: Double?
  var insert_p99_ms: Double?
  var sample_p50_ms: Double?
  var sample_p99_ms: Double?
  /// CPU seconds a second.
  var service_cpu: Double?
  var inserter_cpu: Double?
  var sampler_cpu: Double?
  /// Of the service's memory beyond an empty one's, over items.
  var bytes_an_item: Double?
  var service_bytes: Double?
}

struct BenchReplayDocument: Encodable {
  var date: String
  var machine: String
  var storage: String
  var rounds: Int
  var seconds: Double
  var empty_service_bytes: Double
  var cases: [BenchCase]
  /// The store by itself, in one thread: operations a second.
  var store: [String: Double]
}

/// `rookery bench replay [--json] [--transport ipc,tcp] [--payload 36,1k,28k,atari] [--mode …] [--storage memory|file] [--rounds N] [--seconds S]`
struct BenchReplayCommand {
  private let transports: [String]
  private let payloads: [BenchPayload]
  private let modes: Set<String>
  private let storage: String
  private let rounds: Int
  private let seconds: Double
  private let isJSON: Bool
  private static let modeNames = ["insert", "sample", "both", "latency", "update", "writers", "store"]

  init(_ arguments: Arguments) throws {
    func list(_ name: String, _ all: [String], _ standard: [String]) throws -> [String] {
      guard let text = arguments.value(name) else { return standard }
      let words = text.split(separator: ",").map(String.init)
      for word in words where !all.contains(word) {
        throw UsageError("--\(name): expected \(all.joined(separator: ", ")), found '\(word)'")
      }
      return words
    }
    transports = try list("transport", ["ipc", "tcp"], ["ipc", "tcp"])
    let names = BenchPayload.allCases.map(\.rawValue)
    payloads = try list("payload", names, names).compactMap(BenchPayload.init)
    modes = Set(try list("mode", Self.modeNames, Self.modeNames))
    storage = try list("storage", ["memory", "file", "disk"], ["memory"])[0]
    rounds = try arguments.integer("rounds", in: 1...101) ?? 5
    guard let seconds = Double(arguments.value("seconds") ?? "1"), seconds > 0, seconds <= 600 else {
      throw UsageError("--seconds: expected a number up to 600, found '\(arguments.value("seconds") ?? "")'")
    }
    self.seconds = seconds
    isJSON = arguments.has("json")
  }

  func execute() throws {
    var document = BenchReplayDocument(
      date: Log.timestamp(SystemClock.wallNanoseconds()), machine: Self.machine(), storage: storage,
      rounds: rounds,
      seconds: seconds, empty_service_bytes: 0, cases: [], store: [:])
    if modes.contains("store") {
      for result in ReplayStoreBenchmark.run() {
        document.store[result.name] = result.perSecond
        say("store  \(result.name): \(Format.count(result.perSecond))/s")
      }
    }
    if modes != ["store"] { try measureServices(&document) }
    if isJSON { print(try JSON.line(document), terminator: "") }
  }

  private func measureServices(_ document: inout BenchReplayDocument) throws {
    document.empty_service_bytes = try emptyServiceBytes()
    say("an empty service: \(Format.count(document.empty_service_bytes))B")
    for transport in transports {
      for payload in payloads {
        try measure(transport, payload, empty: document.empty_service_bytes) {
          document.cases.append($0)
          say(Self.line($0))
        }
      }
    }
  }

  private func say(_ text: String) {
    if !isJSON { StandardOutput.write(text + "\n") }
  }

  private func emptyServiceBytes() throws -> Double {
    let bench = try BenchReplayProcess(.small, transport: "ipc", storage: "memory")
    try bench.waitUntilItAnswers()
    return Double(bench.residentBytes)
  }

  private func measure(
    _ transport: String, _ payload: BenchPayload, empty: Double, _ note: (BenchCase) -> Void
  ) throws {
    let bench = try BenchReplayProcess(payload, transport: transport, storage: storage)
    try bench.waitUntilItAnswers()
    // Once around, and a little more.
    try bench.worker("fill", ["--count", "\(payload.capacity + payload.capacity / 10)"])
    let bytes = Double(bench.residentBytes)
    for (index, steps) in payload.messageSizes.enumerated() {
      let steps = ["--steps", "\(steps)"]
      for mode in ["insert", "sample", "both", "latency", "update", "writers"] where modes.contains(mode) {
        // Only inserting knows the size of a message; a few questions need no more than small steps.
        if index > 0, mode != "insert", mode != "both" { continue }
        if payload != .small, mode == "update" || mode == "writers" { continue }
        var found = try run(mode, bench, payload, steps)
        found.transport = transport
        found.bytes_an_item = (bytes - empty) / Double(payload.capacity)
        found.service_bytes = mode == "writers" ? Double(bench.residentBytes) : bytes
        note(found)
      }
    }
  }

  private func run(
    _ mode: String, _ bench: BenchReplayProcess, _ payload: BenchPayload, _ steps: [String]
  ) throws -> BenchCase {
    var cases: [BenchCase] = []
    for _ in 0..<(mode == "writers" ? 1 : rounds) {
      var found = BenchCase(
        transport: "", payload: payload.rawValue, message: Int(steps[1])!, mode: mode)
      let cpu = bench.cpuSeconds
      let start = SystemClock.now()
      let seconds = ["--seconds", "\(mode == "writers" ? max(self.seconds, 5) : self.seconds)"]
      switch mode {
      case "insert": found.inserted(try bench.worker("insert", steps + seconds))
      case "sample": found.sampled(try bench.worker("sample", ["--in-flight", "4"] + seconds))
      case "both":
        let (inserted, sampled) = try bench.workers(
          ("insert", steps + seconds), ("sample", ["--in-flight", "4"] + seconds))
        found.inserted(inserted)
        found.sampled(sampled)
      case "latency":
        let inserted = try bench.worker("insert", steps + seconds + ["--in-flight", "1"])
        let sampled = try bench.worker("sample", seconds + ["--in-flight", "1"])
        found.waited(inserted, sampled)
      case "update":
        let report = try bench.worker("update", ["--in-flight", "4"] + seconds)
        (found.keys_per_s, found.sampler_cpu) = (report.perSecond, report.cpu)
      default:
        let report = try bench.worker("writers", ["--count", "1000"] + seconds)
        found.inserted(report)
        (found.insert_p50_ms, found.insert_p99_ms) = (report.p50_ms, report.p99_ms)
      }
      found.service_cpu = (bench.cpuSeconds - cpu) / (SystemClock.now() - start).seconds
      cases.append(found)
    }
    return BenchCase(medianOf: cases)
  }

  private static func machine() -> String {
    let info =
      TextLines.first(in: "/proc/cpuinfo", startingWith: "model name")?.split(separator: ":").last ?? "?"
    let trimmed = info.drop { $0 == " " }
    return "\(trimmed), \(sysconf(Int32(_SC_NPROCESSORS_ONLN))) cores"
  }

  private static func line(_ found: BenchCase) -> String {
    var parts: [String] = []
    func add(_ name: String, _ value: Double?, _ unit: String) {
      if let value {
        parts.append(
          "\(name) \(value >= 100 ? Format.count(value) : String(Float((value * 1000).rounded() / 1000)))\(unit)"
        )
      }
    }
    add("insert", found.insert_per_s, " steps/s")
    add("sample", found.batches_per_s, " batches/s")
    add("update", found.keys_per_s, " keys/s")
    add("insert p50", found.insert_p50_ms, " ms")
    add("p99", found.insert_p99_ms, " ms")
    add("sample p50", found.sample_p50_ms, " ms")
    add("p99", found.sample_p99_ms, " ms")
    add("cpu: service", found.service_cpu, "")
    add("inserter", found.inserter_cpu, "")
    add("sampler", found.sampler_cpu, "")
    if found.mode == "insert" { add("bytes an item", found.bytes_an_item, "") }
    if found.mode == "writers" { add("memory", found.service_bytes, "B") }
    let name = "\(found.transport) \(found.payload) × \(found.message) \(found.mode)"
    return Format.pad(name, 31) + parts.joined(separator: ", ")
  }
}

extension BenchCase {
  mutating func inserted(_ report: BenchReport) {
    (insert_per_s, inserter_cpu) = (report.perSecond, report.cpu)
  }

  mutating func sampled(_ report: BenchReport) {
    (batches_per_s, sampler_cpu) = (report.perSecond, report.cpu)
  }

  mutating func waited(_ inserted: BenchReport, _ sampled: BenchReport) {
    (insert_p50_ms, insert_p99_ms) = (inserted.p50_ms, inserted.p99_ms)
    (sample_p50_ms, sample_p99_ms) = (sampled.p50_ms, sampled.p99_ms)
  }

  init(medianOf cases: [BenchCase]) {
    self = cases[0]
    func median(_ path: KeyPath<BenchCase, Double?>) -> Double? {
      let values = cases.compactMap { $0[keyPath: path] }.sorted()
      return values.isEmpty ? nil : values[values.count / 2]
    }
    insert_per_s = median(\.insert_per_s)
    batches_per_s = median(\.batches_per_s)
    keys_per_s = median(\.keys_per_s)
    insert_p50_ms = median(\.insert_p50_ms)
    insert_p99_ms = median(\.insert_p99_ms)
    sample_p50_ms = median(\.sample_p50_ms)
    sample_p99_ms = median(\.sample_p99_ms)
    service_cpu = median(\.service_cpu)
    inserter_cpu = median(\.inserter_cpu)
    sampler_cpu = median(\.sampler_cpu)
  }
}
