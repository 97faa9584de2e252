// `rookery bench replay`: how fast a replay service inserts and samples.

internal import Console
internal import Foundations
internal import Glibc
internal import ReplayStore
internal import Wire

/// `rookery bench replay [--json] [--transport ipc,tcp] [--payload 36,1k,28k,atari] [--mode …]
/// [--storage memory|file|disk] [--rounds N] [--seconds S]`
struct BenchReplayCommand {
  private let transports: [String]
  private let payloads: [BenchPayload]
  private let modes: Set<String>
  private let storage: BenchStorage
  private let rounds: Int
  private let seconds: Double
  private let isJSON: Bool
  private static let modeNames = BenchMode.allCases.map(\.rawValue) + ["store"]

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
    let storages = BenchStorage.allCases.map(\.rawValue)
    let storage = try list("storage", storages, ["memory"]).compactMap(BenchStorage.init)[0]
    self.storage = storage
    let names = storage.payloads.map(\.rawValue)
    payloads = try list("payload", names, names).compactMap(BenchPayload.init)
    // Snapshots and restores take long, so they must be asked for by name.
    let usual = Self.modeNames.filter { !["snapshot", "restore"].contains($0) }
    modes = Set(try list("mode", Self.modeNames, usual))
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
    if storage == .disk { try measureDisk(&document) }
    for transport in transports {
      for payload in payloads {
        try measure(transport, payload, document.disk[payload.rawValue], empty: document.empty_service_bytes)
        {
          document.cases.append($0)
          say($0.line)
        }
      }
    }
  }

  private func say(_ text: String) {
    if !isJSON { StandardOutput.write(text + "\n") }
  }

  private func measureDisk(_ document: inout BenchReplayDocument) throws {
    let processes = try BenchProcesses(settings: [:])
    let folder = try processes.makeDataFolder()
    for payload in payloads {
      let disk = try RawDiskRates.measure(in: folder, readBytes: payload.itemByteCount)
      document.disk[payload.rawValue] = disk
      say(
        "the disk by itself, \(payload.rawValue): writes \(Format.count(disk.write_bytes_per_s))B/s, reads \(Format.count(disk.read_bytes_per_s))B/s"
      )
    }
  }

  private func emptyServiceBytes() throws -> Double {
    let bench = try BenchReplayProcess(.small, transport: "ipc", storage: .memory)
    try bench.waitUntilItAnswers()
    return Double(bench.residentBytes)
  }

  private func measure(
    _ transport: String, _ payload: BenchPayload, _ disk: RawDiskRates?, empty: Double,
    _ report: (BenchCase) -> Void
  ) throws {
    let bench = try BenchReplayProcess(
      payload, transport: transport, storage: storage,
      keepsSnapshots: modes.contains("snapshot") || modes.contains("restore"))
    try bench.waitUntilItAnswers()
    // Until the ring has wrapped, and a little more.
    try bench.runClient("fill", ["--count", "\(bench.capacity + bench.capacity / 10)"])
    let bytes = Double(bench.residentBytes)
    for (index, steps) in payload.messageSizes.enumerated() {
      for mode in BenchMode.allCases where modes.contains(mode.rawValue) {
        // Only inserts depend on the size of a message.
        if index > 0, mode != .insert, mode != .both { continue }
        if !mode.payloads.contains(payload) { continue }
        let cases = try (0..<(mode == .writers ? 1 : rounds)).map { _ in
          try mode.run(bench, payload, steps: steps, seconds: seconds)
        }
        var found = BenchCase(medianOf: cases)
        found.transport = transport
        found.bytes_an_item = (bytes - empty) / Double(bench.capacity)
        found.service_bytes = mode == .writers ? Double(bench.residentBytes) : bytes
        if let disk { found.compare(with: disk, payload) }
        report(found)
      }
    }
  }

  private static func machine() -> String {
    let info =
      TextLines.first(in: "/proc/cpuinfo", startingWith: "model name")?.split(separator: ":").last ?? "?"
    let trimmed = info.drop { $0 == " " }
    return "\(trimmed), \(sysconf(Int32(_SC_NPROCESSORS_ONLN))) cores"
  }
}
