// How often processes report.

/// `telemetry`: the counters that every process reports.
public struct TelemetryConfiguration: Hashable, Sendable {
  /// Time between two reports of a process.
  public var intervalMilliseconds = 1000.0

  public init() {}
}

extension TelemetryConfiguration {
  mutating func read(_ reader: inout ConfigurationReader) {
    reader.double("interval_ms", &intervalMilliseconds, .from(10, to: 3_600_000))
  }
}
