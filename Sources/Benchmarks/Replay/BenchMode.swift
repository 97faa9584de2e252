// What a client of the replay benchmark does.

internal import Foundations

/// A value of `--mode`.
enum BenchMode: String, CaseIterable {
  case insert, sample, both, latency, update, writers, snapshot, restore

  /// The payloads that the mode is measured with; some modes need only small steps.
  var payloads: [BenchPayload] {
    switch self {
    case .insert, .sample, .both, .latency: BenchPayload.allCases
    case .update, .writers: [.small]
    case .snapshot, .restore: [.small, .kilobyte, .atari]
    }
  }

  /// Runs one round.
  func run(
    _ bench: BenchReplayProcess, _ payload: BenchPayload, steps: Int, seconds: Double
  ) throws -> BenchCase {
    var found = BenchCase(transport: "", payload: payload.rawValue, message: steps, mode: rawValue)
    let secondsArguments = ["--seconds", "\(self == .writers ? max(seconds, 5) : seconds)"]
    let inserter = ["--steps", "\(steps)"] + secondsArguments
    let one = ["--in-flight", "1"]
    let few = ["--in-flight", "4"]
    let cpu = bench.cpuSeconds
    let start = SystemClock.now()
    switch self {
    case .insert: found.setInsertRate(from: try bench.runClient("insert", inserter))
    case .sample: found.setSampleRate(from: try bench.runClient("sample", few + secondsArguments))
    case .both:
      let reports = try bench.runClients([("insert", inserter), ("sample", few + secondsArguments)])
      found.setInsertRate(from: reports[0])
      found.setSampleRate(from: reports[1])
    case .latency:
      let inserted = try bench.runClient("insert", inserter + one)
      found.setLatencies(inserts: inserted, samples: try bench.runClient("sample", secondsArguments + one))
    case .update:
      let report = try bench.runClient("update", few + secondsArguments)
      (found.keys_per_s, found.sampler_cpu) = (report.perSecond, report.cpu)
    case .writers:
      let report = try bench.runClient("writers", ["--count", "1000"] + secondsArguments)
      found.setInsertRate(from: report)
      (found.insert_p50_ms, found.insert_p99_ms) = (report.p50_ms, report.p99_ms)
    case .snapshot, .restore:
      let clients = [("insert", inserter + one), ("sample", secondsArguments + one)]
      let calm = try bench.runClients(clients)
      (found.calm_insert_p99_ms, found.calm_sample_p99_ms) = (calm[0].p99_ms, calm[1].p99_ms)
      // The snapshot client runs one second longer than the others measure, for their start and
      // warm-up.
      let snapshots = (rawValue, ["--seconds", "\(seconds + 1)"])
      let reports = try bench.runClients([snapshots] + clients)
      found.copies_per_s = reports[0].perSecond
      found.setLatencies(inserts: reports[1], samples: reports[2])
    }
    found.service_cpu = (bench.cpuSeconds - cpu) / (SystemClock.now() - start).seconds
    return found
  }
}
