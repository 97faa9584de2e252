// What one process does, from its reports.

internal import Foundations
internal import Wire

/// Rates from the differences of an incarnation's counters, over its own clock: reports that come late or in bunches change nothing.
struct ProcessMeter {
  private(set) var telemetry: ShownTelemetry
  private(set) var lastHeard: Instant
  /// A second each, by counter; empty until two reports are half a second apart.
  private(set) var rates: [Metric: Double] = [:]
  private var base: ShownTelemetry

  /// Shorter differences would be noise: a young process reports every 100 ms.
  private static let windowMin_s = 0.5
  /// What is shown as a rate.
  private static let counters: [Metric] = [
    .cpu_s_total, .env_steps_total, .updates_total, .items_inserted_total, .samples_total, .batches_total,
    .episodes_total, .publications_total,
  ]

  init(_ telemetry: ShownTelemetry, lastHeard: Instant) {
    self.telemetry = telemetry
    self.lastHeard = lastHeard
    base = telemetry
  }

  mutating func note(_ telemetry: ShownTelemetry, lastHeard: Instant) {
    self.telemetry = telemetry
    self.lastHeard = lastHeard
    guard let uptime = value(.uptime_s), let before = base[.uptime_s], before.isFinite else { return }
    let elapsed = uptime - before
    guard elapsed >= Self.windowMin_s || elapsed < 0 else { return }
    if elapsed > 0 {
      for name in Self.counters {
        guard let now = value(name), let then = base[name], then.isFinite else { continue }
        rates[name] = max(0, now - then) / elapsed
      }
    }
    base = telemetry
  }

  /// A counter or gauge of the last report, if it is a number.
  func value(_ metric: Metric) -> Double? { telemetry[metric].flatMap { $0.isFinite ? $0 : nil } }

  /// It said that it ends.
  var hasEnded: Bool { value(.ended) == 1 }
}
