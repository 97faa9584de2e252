// What a client of the replay benchmark does.

internal import Foundations

/// A value of `--mode`.
enum BenchMode: String, CaseIterable {
  case insert, sample, both, latency, update, writers, snapshot, restore

  /// The payloads that it is measured with; some modes need only small steps.
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
    let length = ["--seconds", "\(self == .writers ? max(seconds, 5) : seconds)"]
    let inserter = ["--steps", "\(steps)"] + length
    let one = ["--in-flight", "1"]
    let few = ["--in-flight", "4"]
    let cpu = bench.cpuSeconds
    let start = SystemClock.now()
    switch self {
    case .insert: found.inserted(try bench.worker("insert", inserter))
    case .sample: found.sampled(try bench.worker("sample", few + length))
    case .both:
      let reports = try bench.workers([("insert", inserter), ("sample", few + length)])
      found.inserted(reports[0])
      found.sampled(reports[1])
    case .latency:
      let inserted = try bench.worker("insert", inserter + one)
      found.waited(inserted, try bench.worker("sample", length + one))
    case .update:
      let report = try bench.worker("update", few + length)
      (found.keys_per_s, found.sampler_cpu) = (report.perSecond, report.cpu)
    case .writers:
      let report = try bench.worker("writers", ["--count", "1000"] + length)
      found.inserted(report)
      (found.insert_p50_ms, found.insert_p99_ms) = (report.p50_ms, report.p99_ms)
    case .snapshot, .restore:
      let clients = [("insert", inserter + one), ("sample", length + one)]
      let calm = try bench.workers(clients)
      (found.calm_insert_p99_ms, found.calm_sample_p99_ms) = (calm[0].p99_ms, calm[1].p99_ms)
      // It runs as long as the clients, their warm-up and their window.
      let copies = (rawValue, ["--seconds", "\(seconds + 1)"])
      let reports = try bench.workers([copies] + clients)
      found.copies_per_s = reports[0].perSecond
      found.waited(reports[1], reports[2])
    }
    found.service_cpu = (bench.cpuSeconds - cpu) / (SystemClock.now() - start).seconds
    return found
  }
}
