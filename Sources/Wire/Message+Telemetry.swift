// HEALTH and TELEMETRY: how a process says that and what it does.

public import Experience

/// `[version, 9]`
public enum HealthRequest {
  public static func encode(into writer: FrameWriter) { writer.begin(.healthRequest) }
}

/// `[version, 10, service, healthy, text, uptime]`
public struct Health: ValueMessage {
  public var service: String
  public var isHealthy: Bool
  public var text: String
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

/// `[version, 11, id, token, service, label, counters]`: once a second from each process to the
/// parameter server.
public struct Telemetry: ValueMessage {
  /// The process's incarnation.
  public var id: Identifier
  /// What the processes of a run know and others do not; nil if the run has none.
  public var token: Identifier?
  /// What it is: a `ServiceKind`, or the name of another service.
  public var service: String
  public var label: String
  /// Counters (`…_total`, never falling in an incarnation) and gauges by name.
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

  /// Who sends it, which is enough to refuse it: the counters are most of the work.
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
