// Sums counters over processes that start and stop.

public import Experience
public import Wire

/// Sums counters over processes and their restarts. A restarted process counts from 0; the counts
/// of its earlier incarnations remain in the sum.
public struct CounterTotals: Sendable {
  private struct Key: Hashable {
    var service: ServiceKind
    var counter: Metric
  }

  private var last: [Key: [PublicName: Double]] = [:]
  private var carried: [Key: Double] = [:]
  /// With more incarnations than this, only those that still report are remembered. It bounds
  /// memory against forged processes.
  private let incarnationsMax: Int
  /// Larger values and NaN are ignored. No real counter is as large, and sums of smaller values
  /// stay finite.
  private static let valueMax = 1e18

  /// - Parameter incarnationsMax: incarnations to remember, for each counter.
  public init(incarnationsMax: Int = 4 * Limits.processes) {
    self.incarnationsMax = incarnationsMax
  }

  /// Adds the growth of a counter since the last call, for each process of a service.
  public mutating func record(_ processes: [ProcessStatus], service: ServiceKind, counter: Metric) {
    let key = Key(service: service, counter: counter)
    for process in processes where process.telemetry.kind == service {
      // Telemetry may be forged: one NaN would make the sum NaN for good.
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

  /// The sum so far; 0 if the counter was never recorded.
  public func total(_ service: ServiceKind, _ counter: Metric) -> Double {
    carried[Key(service: service, counter: counter)] ?? 0
  }
}
