// How often processes report.

/// `telemetry`: counters of every process.
public struct TelemetryConfiguration: Hashable, Sendable {
  public var intervalMilliseconds = 1000.0

  public init() {}
}

extension TelemetryConfiguration {
  mutating func read(_ reader: inout ConfigurationReader) {
    reader.double("interval_ms", &intervalMilliseconds, .from(10, to: 3_600_000))
  }
}
