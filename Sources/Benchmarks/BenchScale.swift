// `rookery bench scale`: how fast runs start and grow, and how actors scale.

internal import Experience
internal import Foundations
internal import Services
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

  let run = try BenchRun(text: slowEnvironmentYAML)
  try run.command(["scale", "actor=1", "evaluator=0"])
  var one = 0.0
  for count in [1, 2, 4, 8, 16, 32] {
    try run.command(["scale", "actor=\(count)"])
    let rate = try run.rate(of: .env_steps_total, .actor, count: count)
    if count == 1 { one = rate }
    results.append(("\(count) actors that wait 1 ms a step, steps/s", rate))
    results.append(("\(count) actors, % of linear", 100 * rate / (one * Double(count))))
  }
  printResults(results, unit: "", json: json)
}

private let slowEnvironmentYAML = """
  environment: {id: CartPole-v1, step_delay_ms: 1}
  algorithm: {hidden: [64, 64]}
  actor: {environments: 1}
  replay: {capacity: 200000, rate_limiter: {samples_per_insert: 0, min_size: 1000}}
  telemetry: {interval_ms: 500}
  """

extension BenchRun {
  fileprivate func secondsToFirstUpdate() throws -> Double {
    try wait(for: "the first update") { $0.counter(.learner, .updates_total) > 0 }
    return (SystemClock.now() - startedAt).seconds
  }

  fileprivate func secondsToFirstStepOfOneMore() throws -> Double {
    _ = try up.wait()
    let known = Set(try wait(for: "actors") { $0.present(.actor).count == 2 }.present(.actor).map(\.id))
    let start = SystemClock.now()
    try command(["scale", "actor=+1"])
    try wait(for: "the third actor") { status in
      status.present(.actor).contains { !known.contains($0.id) && $0[.messages_committed_total] ?? 0 > 0 }
    }
    return (SystemClock.now() - start).seconds
  }
}
