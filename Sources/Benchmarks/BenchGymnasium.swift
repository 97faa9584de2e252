// `rookery bench gymnasium`: an actor through the bridge beside Gymnasium's own loop.

internal import Configuration
internal import Environments
internal import Experience
internal import Foundations
internal import Glibc
internal import Services
internal import Wire

/// Measures Gymnasium's CartPole: its own SyncVectorEnv with random actions in one Python process,
/// and one actor (64-64 network, publishing to a replay, limiter with only a minimum size) with one
/// and with two Python workers. Reports medians of interleaved rounds.
///
/// Both count actions: a tick that resets an environment is not one of its actions.
func benchGymnasium(json: Bool) throws {
  let environments = 64
  let python = try RunConfiguration().gymnasium().python
  var rates: [[Double]] = [[], [], []]
  for _ in 0..<3 {
    rates[0].append(try syncVectorEnvRate(python, environments))
    for workers in 1...2 { rates[workers].append(try bridgeRate(workers, environments)) }
  }
  let medians = rates.map { $0.sorted()[$0.count / 2] }
  printResults(
    [
      ("SyncVectorEnv of \(environments), one Python process, steps/s", medians[0]),
      ("actor with 1 worker, steps/s", medians[1]), ("actor with 2 workers, steps/s", medians[2]),
      ("1 worker beside SyncVectorEnv, percent", 100 * medians[1] / medians[0]),
      ("2 workers beside SyncVectorEnv, percent", 100 * medians[2] / medians[0]),
    ], unit: "", json: json)
}

/// Steps a second of Gymnasium's own loop over three seconds.
private func syncVectorEnvRate(_ python: String, _ environments: Int) throws -> Double {
  let script = """
    import time, gymnasium, numpy
    vector = gymnasium.make_vec("CartPole-v1", \(environments), vectorization_mode="sync")
    vector.reset(seed=0)
    actions = [vector.action_space.sample() for _ in range(256)]
    for number in range(200): vector.step(actions[number])
    ticks, resets, start = 0, 0, time.perf_counter()
    while time.perf_counter() < start + 3:
        _, _, terminated, truncated, _ = vector.step(actions[ticks % 256])
        ticks += 1
        resets += numpy.count_nonzero(terminated | truncated)
    print((ticks * \(environments) - resets) / (time.perf_counter() - start))
    """
  let output = try SharedMemory(name: "rookery-bench", byteCount: 4096)
  var spawn = ProcessSpawn(python, ["-c", script])
  spawn.standardOutput = .descriptor(output.descriptor)
  let status = try spawn.start().wait()
  let text = String(cString: output.base.assumingMemoryBound(to: CChar.self))
  guard let rate = Double(text.split(separator: "\n").first ?? "") else {
    throw BenchError(
      "\(python) with Gymnasium: expected steps a second, found '\(text)' (\(status)); see docs/GYMNASIUM.md")
  }
  return rate
}

/// Steps a second of one actor over three seconds.
private func bridgeRate(_ workers: Int, _ environments: Int) throws -> Double {
  let processes = try BenchProcesses(settings: [
    "ROOKERY_ENVIRONMENT__BACKEND": "gymnasium",
    "ROOKERY_ENVIRONMENT__PYTHON": try RunConfiguration().gymnasium().python,
    "ROOKERY_ENVIRONMENT__WORKERS": "\(workers)",
    "ROOKERY_ENVIRONMENT__OBSERVATION__SHAPE": "[4]",
    "ROOKERY_ENVIRONMENT__ACTIONS": "2",
    "ROOKERY_ALGORITHM__HIDDEN": "[64, 64]",
    "ROOKERY_ALGORITHM__DUELING": "false",
    "ROOKERY_ACTOR__ENVIRONMENTS": "\(environments)",
    // The policy is evaluated for every row, but the action is then random, as in the loop beside
    // it. An untrained network would let the poles fall in half the time, and a reset costs more
    // than a step.
    "ROOKERY_ACTOR__EPSILON__BASE": "1",
    "ROOKERY_ACTOR__MESSAGE_STEPS": "8192",
    "ROOKERY_REPLAY__CAPACITY": "100000",
    "ROOKERY_REPLAY__RATE_LIMITER__SAMPLES_PER_INSERT": "0",
    "ROOKERY_TELEMETRY__INTERVAL_MS": "100",
  ])
  for service in [ServiceKind.parameters, .replay, .actor] { try processes.start(service) }
  let client = try StatusClient(address: processes.parametersAddress)
  let before = try processes.wait(for: "the first steps", on: client) {
    $0.counter(.actor, .env_steps_total) > 50_000
  }
  let wall = before.counter(.actor, .uptime_s)
  let after = try processes.wait(for: "three seconds", on: client) {
    $0.counter(.actor, .uptime_s) > wall + 3
  }
  func grown(_ name: Metric) -> Double { after.counter(.actor, name) - before.counter(.actor, name) }
  return grown(.env_steps_total) / grown(.uptime_s)
}
