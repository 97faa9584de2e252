// Sums of counters over processes that come and go.

public import Experience
public import Wire

/// Adds up counters over processes and their restarts: a process that is started again begins at 0, and what its earlier incarnation had
/// counted is kept.
public struct CounterTotals: Sendable {
  private struct Key: Hashable {
    var service: ServiceKind
    var counter: Metric
  }

  private var last: [Key: [PublicName: Double]] = [:]
  private var carried: [Key: Double] = [:]
  /// Anybody may claim to be one more process: of more lives than this only those that still report are remembered.
  private let incarnationsMax: Int
  /// No counter comes near it, and sums of such stay finite; NaN is not below it either.
  private static let valueMax = 1e18

  public init(incarnationsMax: Int = 4 * Limits.processes) {
    self.incarnationsMax = incarnationsMax
  }

  /// Takes the newest counters of each process incarnation.
  public mutating func note(_ processes: [ProcessStatus], service: ServiceKind, counter: Metric) {
    let key = Key(service: service, counter: counter)
    for process in processes where process.telemetry.kind == service {
      // Anybody may send telemetry: one number that is none must not spoil the sum for good.
      guard let value = process.telemetry[counter], value <= Self.valueMax else { continue }
      let id = process.telemetry.id
      let before = last[key]?[id] ?? 0
      carried[key, default: 0] += max(0, value - before)
      last[key, default: [:]][id] = max(value, before)
    }
    if let incarnations = last[key], incarnations.count > incarnationsMax {
      let present = Set(processes.map(\.telemetry.id))
      last[key] = incarnations.filter { present.contains($0.key) }
    }
  }

  public func total(_ service: ServiceKind, _ counter: Metric) -> Double {
    carried[Key(service: service, counter: counter)] ?? 0
  }
}
