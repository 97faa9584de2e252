// The processes that step environments.

public import Foundations

/// `actor`: how many there are, how they explore, and how they send.
public struct ActorConfiguration: Hashable, Sendable {
  /// What an actor does while the replay accepts no more steps.
  public enum WhenBlocked: String, CaseIterable, Sendable {
    /// Stop stepping until the replay accepts more.
    case block
    /// Keep stepping; the oldest unsent message is dropped and counted.
    case dropOldest = "drop_oldest"
  }

  /// Actor processes; 0 if they are all started by hand.
  public var replicas = 2
  /// Environments of one process, stepped as one batch.
  public var environments = 16
  /// The probability of a random action, for each environment.
  public var epsilon = EpsilonConfiguration()
  /// Longest time that collected steps wait before they are sent.
  public var flushIntervalMilliseconds = 50.0
  /// Size in bytes at which a message is sent.
  public var messageBytes = 262_144
  /// Most steps in one message.
  public var messageSteps = 512
  /// What happens to new steps while the replay accepts none.
  public var whenBlocked = WhenBlocked.block
  /// Most messages sent but not yet acknowledged.
  public var inFlight = 2

  public init() {}
}

/// `actor.epsilon`: εᵢ = base^(1 + exponent·i/(N−1)) for environment i of an actor's N
/// (Horgan et al. 2018).
public struct EpsilonConfiguration: Hashable, Sendable {
  /// ε of the first environment, 0 to 1.
  public var base: Schedule = 0.4
  /// How fast ε falls from one environment to the next, 0 to 1000.
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
    reader.schedule("base", &base, .from(0, to: 1))
    reader.double("exponent", &exponent, .from(0, to: 1000))
  }
}
