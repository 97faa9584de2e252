// The processes that step environments.

/// `actor`: how many, how they explore, and how they send.
public struct ActorConfiguration: Hashable, Sendable {
  public enum WhenBlocked: String, CaseIterable, Sendable {
    /// Stop stepping until the replay takes more.
    case block
    /// Keep stepping; the oldest unsent message is dropped and counted.
    case dropOldest = "drop_oldest"
  }

  public var replicas = 2
  /// Environments of one process, stepped as one batch.
  public var environments = 16
  public var epsilon = EpsilonConfiguration()
  /// Latest time after which collected steps are sent.
  public var flushIntervalMilliseconds = 50.0
  /// Size at which a message is sent.
  public var messageBytes = 262_144
  /// Most steps in one message.
  public var messageSteps = 512
  public var whenBlocked = WhenBlocked.block
  /// Most messages sent but not yet acknowledged.
  public var inFlight = 2

  public init() {}
}

/// `actor.epsilon`: the ladder εᵢ = base^(1 + exponent·i/(N−1)) over an actor's N environments (Horgan et al. 2018).
public struct EpsilonConfiguration: Hashable, Sendable {
  public var base = 0.4
  public var exponent = 7.0

  public init() {}
}

extension ActorConfiguration {
  mutating func read(_ reader: inout ConfigurationReader) {
    reader.integer("replicas", &replicas, 0...1000)
    reader.integer("environments", &environments, 1...65_536)
    reader.section("epsilon") { epsilon.read(&$0) }
    reader.double("flush_interval_ms", &flushIntervalMilliseconds, .from(1, to: 60_000))
    reader.integer("message_bytes", &messageBytes, 1024...(64 << 20))
    reader.integer("message_steps", &messageSteps, 1...1_048_576)
    reader.choice("when_blocked", &whenBlocked)
    reader.integer("in_flight", &inFlight, 1...1024)
  }
}

extension EpsilonConfiguration {
  mutating func read(_ reader: inout ConfigurationReader) {
    reader.double("base", &base, .from(0, to: 1))
    reader.double("exponent", &exponent, .from(0, to: 1000))
  }
}
