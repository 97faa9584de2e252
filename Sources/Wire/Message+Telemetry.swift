// HEALTH and TELEMETRY: a process reports that it runs, and its counters.

public import Experience

/// `[version, 9]`: asks a service whether it works.
public enum HealthRequest {
  public static func encode(into writer: FrameWriter) { writer.begin(.healthRequest) }
}

/// `[version, 10, service, healthy, text, uptime]`: the answer to HEALTH?.
public struct Health: ValueMessage {
  /// The service's name.
  public var service: String
  /// Whether the service can do its work.
  public var isHealthy: Bool
  /// A summary for people, or what is wrong.
  public var text: String
  /// Seconds since the process started.
  public var uptime_s: Double

  public init(service: String, isHealthy: Bool, text: String, uptime_s: Double) {
    self.service = service
    self.isHealthy = isHealthy
    self.text = text
    self.uptime_s = uptime_s
  }

  public func encode(into writer: FrameWriter) {
    writer.begin(.health)
    writer.string(service)
    writer.bool(isHealthy)
    writer.string(text, maxBytes: Limits.textBytes)
    writer.double(uptime_s)
  }

  public init(from cursor: inout FrameCursor) throws(WireError) {
    service = try cursor.string(maxBytes: Limits.labelBytes, "the service")
    isHealthy = try cursor.bool("the health")
    text = try cursor.string(maxBytes: Limits.textBytes, "the text")
    uptime_s = try cursor.double("the uptime")
    try cursor.close()
  }
}

/// `[version, 11, id, token, service, label, counters]`: each process reports to the parameter
/// server once a second.
public struct Telemetry: ValueMessage {
  /// The process's incarnation.
  public var id: Identifier
  /// A secret that the processes of one run share; nil in a run without.
  public var token: Identifier?
  /// The name of the service: a `ServiceKind` or another.
  public var service: String
  /// A name for people.
  public var label: String
  /// Counters and gauges by name. A counter (`…_total`) never falls within an incarnation.
  public var counters: [String: Double]

  public init(
    id: Identifier, token: Identifier? = nil, service: String, label: String, counters: [String: Double]
  ) {
    self.id = id
    self.token = token
    self.service = service
    self.label = label
    self.counters = counters
  }

  public func encode(into writer: FrameWriter) {
    writer.begin(.telemetry)
    writer.identifier(id)
    writer.identifier(token)
    writer.string(service)
    writer.string(label)
    writer.counters(counters.sorted { $0.key < $1.key })
  }

  public init(from cursor: inout FrameCursor) throws(WireError) {
    (id, token) = try Self.sender(from: &cursor)
    service = try cursor.string(maxBytes: Limits.labelBytes, "the service")
    label = try cursor.string(maxBytes: Limits.labelBytes, "the label")
    counters = try cursor.counters()
    try cursor.close()
  }

  /// Reads the sender alone, which is enough to refuse a report: reading the counters costs most.
  public static func sender(
    from cursor: inout FrameCursor
  ) throws(WireError) -> (id: Identifier, token: Identifier?) {
    (try cursor.identifier("the process's id"), try cursor.optionalIdentifier("the run's token"))
  }
}

extension FrameWriter {
  func counters(_ counters: [(key: String, value: Double)]) {
    map(counters.count)
    for (name, value) in counters {
      string(name)
      double(value)
    }
  }
}

extension FrameCursor {
  mutating func counters() throws(WireError) -> [String: Double] {
    var counters: [String: Double] = [:]
    for _ in 0..<(try map(max: Limits.counters, "the counters")) {
      let start = offset
      let name = try string(maxBytes: Limits.nameBytes, "a counter's name")
      guard counters.updateValue(try double("counter '\(name)'"), forKey: name) == nil else {
        throw WireError(offset: start, expected: "each counter once", found: "'\(name)' again")
      }
    }
    return counters
  }
}
