// How often processes report.

/// `telemetry`: counters of every process.
public struct TelemetryConfiguration: Hashable, Sendable {
  public var intervalMilliseconds = 1000.0

  public init() {}
}
