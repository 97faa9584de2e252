// `rookery bench recording`: what recording costs the replay, and what is recorded.

internal import Console
internal import Experience
internal import FoundationEssentials
internal import Foundations
internal import Recordings
internal import Services

/// `rookery bench recording [--json] [--rounds N] [--seconds S]`: inserts at a fixed rate, and as
/// fast as possible, with and without a recorder, in turn.
struct BenchRecordingCommand {
  /// One load of the replay.
  private struct Load {
    var payload: BenchPayload
    var steps: Int
    /// Steps a second; 0: as fast as possible.
    var rate: Int
    var name: String {
      "\(payload.rawValue) × \(steps) \(rate == 0 ? "saturated" : "\(Format.count(Double(rate)))/s")"
    }
  }

  /// Medians over the rounds.
  struct Result: Encodable {
    var load: String
    /// Steps a second without a recorder, and with one.
    var insert_per_s: Double
    var insert_recorded_per_s: Double
    /// The median of the rounds' ratios.
    var insert_ratio: Double
    /// Messages in the file, divided by messages accepted since the recording began.
    var recorded_share: Double
    var messages_missed: Double
    var file_bytes_a_step: Double
    var recorder_bytes: Double
  }

  private static let loads = [
    Load(payload: .small, steps: 50, rate: 1_000_000), Load(payload: .atari, steps: 64, rate: 10_000),
    Load(payload: .small, steps: 1000, rate: 0), Load(payload: .small, steps: 50, rate: 0),
    Load(payload: .atari, steps: 64, rate: 0),
  ]

  private let rounds: Int
  private let seconds: Double
  private let isJSON: Bool

  init(_ arguments: Arguments) throws {
    rounds = try arguments.integer("rounds", in: 1...101) ?? 5
    guard let seconds = Double(arguments.value("seconds") ?? "3"), seconds > 0, seconds <= 600 else {
      throw UsageError("--seconds: expected a number up to 600, found '\(arguments.value("seconds") ?? "")'")
    }
    self.seconds = seconds
    isJSON = arguments.has("json")
  }

  func execute() throws {
    var results: [Result] = []
    for load in Self.loads {
      let result = try measure(load)
      results.append(result)
      if isJSON { continue }
      StandardOutput.write(
        "\(Format.pad(load.name, 24)) insert \(Format.count(result.insert_per_s)) steps/s, recorded "
          + "\(Format.count(result.insert_recorded_per_s)) (\(Float(result.insert_ratio))), in the file "
          + "\(Format.percent(result.recorded_share)) of the messages, \(Format.count(result.messages_missed)) missed, "
          + "\(Float(result.file_bytes_a_step)) bytes a step\n")
    }
    if isJSON { print(try JSON.line(results), terminator: "") }
  }

  private func measure(_ load: Load) throws -> Result {
    var rounds: [Result] = []
    for _ in 0..<self.rounds {
      let bench = try BenchReplayProcess(load.payload, transport: "ipc", storage: .memory, isTapped: true)
      try bench.waitUntilItAnswers()
      let arguments = [
        "--steps", "\(load.steps)", "--seconds", "\(seconds)", "--rate", "\(load.rate)", "--varied",
      ]
      // The first takes the backlog, and touches the memory.
      try bench.runClient(
        "insert", ["--steps", "\(load.steps)", "--seconds", "\(seconds / 3)", "--rate", "\(load.rate)"])
      let calm = try bench.runClient("insert", arguments)
      let recorder = try bench.startRecorder()
      let recorded = try bench.runClient("insert", arguments)
      let reader = try recorder.stop()
      let sum = reader.blocks.reduce(into: (messages: 0.0, missed: 0.0, steps: 0.0)) { sum, block in
        sum.messages += Double(block.header.messages)
        sum.missed += Double(block.header.missed)
        sum.steps += Double(block.header.steps)
      }
      rounds.append(
        Result(
          load: load.name, insert_per_s: calm.perSecond, insert_recorded_per_s: recorded.perSecond,
          insert_ratio: recorded.perSecond / calm.perSecond,
          recorded_share: sum.messages / max(1, sum.messages + sum.missed), messages_missed: sum.missed,
          file_bytes_a_step: Double(reader.fileBytes) / max(1, sum.steps),
          recorder_bytes: recorder.residentMax))
    }
    func median(_ path: KeyPath<Result, Double>) -> Double {
      rounds.map { $0[keyPath: path] }.sorted()[rounds.count / 2]
    }
    return Result(
      load: load.name, insert_per_s: median(\.insert_per_s),
      insert_recorded_per_s: median(\.insert_recorded_per_s), insert_ratio: median(\.insert_ratio),
      recorded_share: median(\.recorded_share), messages_missed: median(\.messages_missed),
      file_bytes_a_step: median(\.file_bytes_a_step), recorder_bytes: median(\.recorder_bytes))
  }
}

/// A recorder of a benchmark, in a process of its own.
final class BenchRecorder {
  private let child: ChildProcess
  private let path: String
  /// The most memory that it has held, in bytes.
  private(set) var residentMax = 0.0

  init(_ child: ChildProcess, path: String) {
    self.child = child
    self.path = path
  }

  /// Ends the recorder, and opens its file.
  func stop() throws -> RecordingReader {
    if let line = TextLines.first(in: "/proc/\(child.identifier)/status", startingWith: "VmHWM"),
      let kilobytes = line.split(separator: " ").compactMap({ Double($0) }).first
    {
      residentMax = kilobytes * 1024
    }
    try child.terminate()
    guard try child.wait().isSuccess else { throw BenchError("the recorder failed") }
    return try RecordingReader(path: path)
  }
}
