// `rookery bench staleness`: what a bound on staleness costs.

internal import Experience
internal import Foundations
internal import Services

/// Env steps a second of a run of CartPole by actor-critic, with actors paced for η = 0, 1, 2 and
/// 4, against the same run without a bound: two actors of 16 environments, one learner, batches of
/// 640 steps, a 64-64 network. Each step is trained on once, so these are trained steps too.
///
/// Medians of the rounds, and of the ratios within a round.
func benchStaleness(rounds: Int, seconds: Double, json: Bool) throws {
  let bounds: [Int?] = [nil, 0, 1, 2, 4]
  var rates: [[Double]] = bounds.map { _ in [] }
  for _ in 0..<rounds {
    for (index, bound) in bounds.enumerated() {
      rates[index].append(try envStepsPerSecond(bound: bound, over: seconds))
    }
  }
  var results = [(name: "no bound, env steps/s", value: median(rates[0]))]
  for (bound, rates) in zip(bounds, rates.map { ($0, zip($0, rates[0]).map { 100 * $0 / $1 }) }).dropFirst() {
    results.append(("η = \(bound ?? 0), env steps/s", median(rates.0)))
    results.append(("η = \(bound ?? 0), % of no bound", median(rates.1)))
  }
  printResults(results, unit: "", json: json)
}

private func envStepsPerSecond(bound: Int?, over seconds: Double) throws -> Double {
  var settings = [
    "ROOKERY_ENVIRONMENT__ID": "CartPole-v1",
    "ROOKERY_ALGORITHM__NAME": "actor-critic",
    "ROOKERY_ALGORITHM__HIDDEN": "[64, 64]",
    "ROOKERY_ALGORITHM__BATCH": "32",
    "ROOKERY_ALGORITHM__TRAJECTORY_STEPS": "20",
    "ROOKERY_AGGREGATION__PUBLISH_INTERVAL_MS": "2",
    "ROOKERY_ACTOR__ENVIRONMENTS": "16",
    "ROOKERY_ACTOR__MESSAGE_STEPS": "320",
    "ROOKERY_REPLAY__CAPACITY": "20000",
    "ROOKERY_TELEMETRY__INTERVAL_MS": "100",
  ]
  if let bound { settings["ROOKERY_REPLAY__MAX_STALENESS"] = "\(bound)" }
  let processes = try BenchProcesses(settings: settings)
  for service in [ServiceKind.parameters, .replay, .learner] { try processes.start(service) }
  for index in 1...2 { try processes.start(.actor, with: ["ROOKERY_REPLICA": "\(index)"]) }
  let client = try StatusClient(address: processes.parametersAddress)
  let before = try processes.wait(for: "updates", on: client) { status in
    status.counter(.learner, .updates_total) > 100 && status.counter(.actor, .uptime_s) > 2
  }
  let after = try processes.wait(for: "the end of a measurement", on: client) { status in
    status.counter(.actor, .uptime_s) > before.counter(.actor, .uptime_s) + 2 * seconds
  }
  // Of both actors.
  let elapsed = (after.counter(.actor, .uptime_s) - before.counter(.actor, .uptime_s)) / 2
  return (after.counter(.actor, .env_steps_total) - before.counter(.actor, .env_steps_total)) / elapsed
}
