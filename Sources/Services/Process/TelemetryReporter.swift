// A process's counters on their way to the parameter server.

internal import Experience
internal import Foundations
internal import Transport
internal import Wire

/// Sends the process's counters once an interval over its connection to the parameter server.
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

  /// Reports if it is time. `counters` is called only then.
  mutating func advance(to now: Instant, over link: DealerLink, counters: () -> [String: Double]) {
    guard now >= nextReport else { return }
    due(now: now, counters: counters()).encode(into: scratch)
    _ = link.send(scratch.bytes, to: .service)
  }

  /// The last report of a process that ends, so that totals are whole.
  mutating func finish(now: Instant, over link: DealerLink, counters: [String: Double]) {
    // It leaves by itself: nobody has to miss it.
    due(now: now, counters: counters.merging([Metric.ended.rawValue: 1]) { $1 }).encode(into: scratch)
    _ = link.send(scratch.bytes, to: .service)
  }

  /// The report itself, with what is known of every process; the next one is due an interval later.
  mutating func due(now: Instant, counters: [String: Double]) -> Telemetry {
    // A young process reports more often, so that a run of seconds can be watched.
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
