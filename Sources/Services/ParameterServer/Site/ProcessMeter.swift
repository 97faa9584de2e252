// Computes a process's rates from its reports.

internal import Foundations
internal import Wire

/// The rates of an incarnation's counters, over the process's own clock: late reports do not change
/// them.
struct ProcessMeter {
  private(set) var telemetry: ShownTelemetry
  private(set) var lastHeard: Instant
  /// Per second, by counter; empty until two reports are half a second apart.
  private(set) var rates: [Metric: Double] = [:]
  private var base: ShownTelemetry

  /// Rates over shorter times would be noise: a process that has just started reports every 100 ms.
  private static let windowMin_s = 0.5
  /// The counters whose rates are shown.
  private static let counters: [Metric] = [
    .cpu_s_total, .env_steps_total, .updates_total, .items_inserted_total, .samples_total, .batches_total,
    .episodes_total, .publications_total,
  ]

  init(_ telemetry: ShownTelemetry, lastHeard: Instant) {
    self.telemetry = telemetry
    self.lastHeard = lastHeard
    base = telemetry
  }

  mutating func record(_ telemetry: ShownTelemetry, lastHeard: Instant) {
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

  /// A metric of the last report; nil if it is missing, NaN or infinite.
  func value(_ metric: Metric) -> Double? { telemetry[metric].flatMap { $0.isFinite ? $0 : nil } }

  /// Whether the last report said that the process ends.
  var hasEnded: Bool { value(.ended) == 1 }
}
