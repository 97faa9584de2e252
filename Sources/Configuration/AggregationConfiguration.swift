// How several learners make one set of weights.

/// `aggregation`: how the parameter server merges deltas, and how often it publishes.
public struct AggregationConfiguration: Hashable, Sendable {
  /// How several learners contribute to one set of weights.
  public enum Kind: String, CaseIterable, Sendable {
    /// Each learner trains locally; its delta is merged.
    case averaging
  }

  /// When deltas Δᵢ, each trained on uᵢ transitions, are merged into the weights θ.
  public enum Mode: String, CaseIterable, Sendable {
    /// The server opens rounds by time: θ += Σuᵢ·Δᵢ / Σuᵢ.
    case rounds
    /// Each delta is merged on arrival: θ += Δᵢ·uᵢ / Σ(latest u of active learners).
    case asynchronous
  }

  /// How deltas are combined.
  public var kind = Kind.averaging
  /// When deltas are merged.
  public var mode = Mode.rounds
  /// What the server makes of a round's merged delta.
  public var outer = OuterConfiguration()
  /// Shortest time between two published versions.
  public var publishIntervalMilliseconds = 20.0

  public init() {}
}

/// `aggregation.outer`: the server's step along a round's merged delta Δ (Douillard et al. 2023,
/// DiLoCo): v ← μ·v + Δ; θ += lr·(Δ + μ·v).
public struct OuterConfiguration: Hashable, Sendable {
  /// lr, above 0 and up to 10; 1 is plain averaging.
  public var learningRate = 1.0
  /// μ of Nesterov's momentum, 0 to 0.999; 0 is plain averaging.
  public var momentum = 0.0

  public init() {}
}

extension AggregationConfiguration {
  mutating func read(_ reader: inout ConfigurationReader) {
    reader.choice("kind", &kind)
    reader.choice("mode", &mode)
    reader.section("outer") { outer.read(&$0) }
    reader.double("publish_interval_ms", &publishIntervalMilliseconds, .from(1, to: 60_000))
  }
}

extension OuterConfiguration {
  mutating func read(_ reader: inout ConfigurationReader) {
    reader.double("learning_rate", &learningRate, .above(0, upTo: 10))
    reader.double("momentum", &momentum, .from(0, to: 0.999))
  }
}
