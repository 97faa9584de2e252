// Reports a process's counters to the parameter server.

internal import Experience
internal import Foundations
internal import Transport
internal import Wire

/// Sends the process's counters to the parameter server, once in an interval.
struct TelemetryReporter {
  let id: Identifier
  private let token: Identifier?
  let service: ServiceKind
  let label: String
  let interval: Instant.Span
  private(set) var nextReport: Instant
  private let startedAt: Instant
  private let scratch = FrameWriter(capacity: 4096)

  init(
    id: Identifier, service: ServiceKind, settings: ServiceSettings, interval: Instant.Span, now: Instant
  ) {
    self.id = id
    token = settings.runToken
    self.service = service
    label = settings.label
    self.interval = interval
    nextReport = now
    startedAt = now
  }

  /// Reports if a report is due; only then it calls `counters`.
  mutating func advance(to now: Instant, over link: DealerLink, counters: () -> [String: Double]) {
    guard now >= nextReport else { return }
    due(now: now, counters: counters()).encode(into: scratch)
    _ = link.send(scratch.bytes, to: .service)
  }

  /// Sends the last report of a process that ends, so that totals are complete.
  mutating func finish(now: Instant, over link: DealerLink, counters: [String: Double]) {
    // `ended` says that the process is not lost.
    due(now: now, counters: counters.merging([Metric.ended.rawValue: 1]) { $1 }).encode(into: scratch)
    _ = link.send(scratch.bytes, to: .service)
  }

  /// Makes the report, with the counters that every process has. The next is due an interval later.
  mutating func due(now: Instant, counters: [String: Double]) -> Telemetry {
    // A process reports more often at its start, so that a run of seconds can be watched.
    nextReport = now + min(interval, max(.milliseconds(100), now - startedAt))
    let own: [Metric: Double] = [
      .resident_bytes: Double(MachineMemory.processResidentBytes() ?? 0),
      .uptime_s: (now - startedAt).seconds,
      .cpu_s_total: SystemClock.processTime().seconds,
      .pid: Double(ProcessFacts.pid),
    ]
    return Telemetry(
      id: id, token: token, service: service.rawValue, label: label,
      counters: counters.merging(own.named) { $1 })
  }
}
