// `rookery bench actor`: env steps a second of one actor process that publishes to a replay.

internal import Experience
internal import Foundations
internal import Glibc
internal import Services
internal import Wire

/// Measures one actor (native CartPole, 4-64-64-2 network) with a replay and a parameter server,
/// all real processes; the limiter has only a minimum size. Reports steps a second of wall time,
/// and steps a second of the actor's own CPU time, which is the rate of one core.
func benchActor(json: Bool) throws {
  var results: [(name: String, value: Double)] = []
  for environments in [16, 64, 256] {
    let processes = try BenchProcesses(settings: [
      "ROOKERY_ENVIRONMENT__ID": "CartPole-v1",
      "ROOKERY_ALGORITHM__HIDDEN": "[64, 64]",
      "ROOKERY_ALGORITHM__DUELING": "false",
      "ROOKERY_ACTOR__ENVIRONMENTS": "\(environments)",
      "ROOKERY_ACTOR__MESSAGE_STEPS": "8192",
      "ROOKERY_REPLAY__CAPACITY": "1000000",
      "ROOKERY_REPLAY__RATE_LIMITER__SAMPLES_PER_INSERT": "0",
      "ROOKERY_TELEMETRY__INTERVAL_MS": "100",
    ])
    for service in [ServiceKind.parameters, .replay, .actor] { try processes.start(service) }
    let client = try StatusClient(address: processes.parametersAddress)
    // The ring has wrapped once, so no insert touches its memory for the first time.
    let before = try processes.wait(for: "the first million steps", on: client) {
      $0.counter(.replay, .steps_evicted_total) > 0
    }
    let wall = before.counter(.actor, .uptime_s)
    let after = try processes.wait(for: "three seconds", on: client) {
      $0.counter(.actor, .uptime_s) > wall + 3
    }
    func grown(_ name: Metric) -> Double { after.counter(.actor, name) - before.counter(.actor, name) }
    let steps = grown(.env_steps_total)
    results.append(("\(environments) environments, steps/s", steps / grown(.uptime_s)))
    results.append(("\(environments) environments, steps/s of actor CPU", steps / grown(.cpu_s_total)))
    let committed =
      after.counter(.replay, .steps_inserted_total) - before.counter(.replay, .steps_inserted_total)
    results.append(("\(environments) environments, steps/s committed", committed / grown(.uptime_s)))
  }
  printResults(results, unit: "/s", json: json)
}
