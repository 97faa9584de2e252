// `rookery bench learners`: what sharing costs learners.

internal import Experience
internal import Foundations
internal import Services

/// Transitions that learners train on in a second, beside a warm replay, without actors: an MLP
/// 256-256, batches of 512, no limit on samples. Two learners that exchange nothing are what two
/// learners can reach on this machine; each scheme is compared with them in the same round. One
/// learner is printed for the ratio to it.
///
/// Medians of the rounds. Exchanging nothing is averaging with a minute between publications.
func benchLearners(rounds: Int, seconds: Double, json: Bool) throws {
  let schemes = [
    ("averaging", "kind: averaging"),
    ("gradients, asynchronous", "kind: gradients, mode: asynchronous"),
    ("gradients, synchronous", "kind: gradients, mode: synchronous"),
  ]
  var alone: [Double] = []
  var apart: [Double] = []
  var together: [[Double]] = schemes.map { _ in [] }
  for _ in 0..<rounds {
    let nothing = try WarmRun(aggregation: "publish_interval_ms: 60000")
    alone.append(try nothing.transitionsPerSecond(learners: 1, over: seconds))
    apart.append(try nothing.transitionsPerSecond(learners: 2, over: seconds))
    for (index, scheme) in schemes.enumerated() {
      let run = try WarmRun(aggregation: scheme.1)
      together[index].append(try run.transitionsPerSecond(learners: 2, over: seconds))
    }
  }
  func ratio(_ values: [Double], to others: [Double]) -> Double {
    100 * median(zip(values, others).map { $0 / $1 })
  }
  var results: [(name: String, value: Double)] = [
    ("1 learner, transitions/s", median(alone)),
    ("2 learners that exchange nothing, transitions/s", median(apart)),
    ("2 learners that exchange nothing, % of 1 learner", ratio(apart, to: alone)),
  ]
  for (scheme, rates) in zip(schemes, together) {
    results.append(("2 learners, \(scheme.0), transitions/s", median(rates)))
    results.append(("2 learners, \(scheme.0), % of 2 that exchange nothing", ratio(rates, to: apart)))
    results.append(("2 learners, \(scheme.0), % of 1 learner", ratio(rates, to: alone)))
  }
  printResults(results, unit: "", json: json)
}

/// A run whose replay is full, and whose actors are gone.
private struct WarmRun {
  private static let batch = 512.0
  private let run: BenchRun

  init(aggregation: String) throws {
    run = try BenchRun(
      text: """
        environment: {id: CartPole-v1}
        algorithm: {hidden: [256, 256], batch: \(Int(Self.batch))}
        aggregation: {\(aggregation)}
        replay: {capacity: 100000, rate_limiter: {samples_per_insert: 0, min_size: 1000}}
        telemetry: {interval_ms: 250}
        """)
    try run.command(["scale", "learner=0", "evaluator=0"])
    try run.wait(for: "a full replay") { $0.counter(.replay, .steps) >= 90_000 }
    try run.command(["scale", "actor=0"])
  }

  func transitionsPerSecond(learners count: Int, over seconds: Double) throws -> Double {
    try run.command(["scale", "learner=\(count)"])
    return try run.rate(of: .updates_total, .learner, count: count, over: seconds) * Self.batch
  }
}
