// How several learners make one set of weights.

/// `aggregation`: how learners contribute to the weights, and how often they are published.
public struct AggregationConfiguration: Hashable, Sendable {
  /// How several learners contribute to one set of weights.
  public enum Kind: String, CaseIterable, Sendable {
    /// Each learner trains locally; its delta is merged.
    case averaging
    /// The parameter server owns the optimizer; learners send gradients.
    case gradients
  }

  /// When contributions enter the weights θ.
  public enum Mode: String, CaseIterable, Sendable {
    /// `averaging`: the server opens rounds by time, and merges deltas Δᵢ that were trained on uᵢ
    /// transitions: θ += Σuᵢ·Δᵢ / Σuᵢ.
    case rounds
    /// `averaging`: each delta is merged on arrival, θ += Δᵢ·uᵢ / Σ(latest u of active learners).
    /// `gradients`: each gradient makes an update on arrival.
    case asynchronous
    /// `gradients`: a quorum of gradients makes one update.
    case synchronous
  }

  /// What becomes of a late gradient.
  public enum Late: String, CaseIterable, Sendable {
    /// `asynchronous`: it cannot be staler than the bound, because learners that are ahead wait.
    case wait
    /// `asynchronous`: its update is divided by its staleness.
    case scale
    /// `synchronous`: it counts in the next update.
    case carry
    /// It is dropped, and counted.
    case drop
  }

  /// How learners contribute.
  public var kind = Kind.averaging
  /// When contributions enter the weights.
  public var mode = Mode.rounds
  /// What the server makes of a round's merged delta.
  public var outer = OuterConfiguration()
  /// The largest staleness of a gradient, in updates.
  public var maxStaleness: UInt64 = 64
  /// What becomes of a late gradient.
  public var late = Late.wait
  /// How many gradients make a synchronous update.
  public var quorum = Quorum.share(1)
  /// Shortest time between two published versions.
  public var publishIntervalMilliseconds = 20.0

  public init() {}
}

extension AggregationConfiguration {
  mutating func read(_ reader: inout ConfigurationReader) {
    reader.choice("kind", &kind)
    // What is not set follows from what is.
    if reader.isSet("kind"), kind == .gradients { mode = .asynchronous }
    reader.choice("mode", &mode)
    reader.section("outer") { outer.read(&$0) }
    reader.integer("max_staleness", &maxStaleness, 0...1_000_000_000)
    if reader.isSet("mode"), mode == .synchronous { late = .carry }
    reader.choice("late", &late)
    reader.quorum("quorum", &quorum)
    reader.double("publish_interval_ms", &publishIntervalMilliseconds, .from(1, to: 60_000))
  }
}
