// How several learners make one set of weights.

/// `aggregation`: how the parameter server merges deltas, and how often it publishes.
public struct AggregationConfiguration: Hashable, Sendable {
  /// How several learners contribute to one set of weights.
  public enum Kind: String, CaseIterable, Sendable {
    /// Each learner trains locally; its delta is merged.
    case averaging
  }

  /// When deltas Δᵢ of uᵢ updates are merged into the weights θ.
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
  /// Shortest time between two published versions.
  public var publishIntervalMilliseconds = 20.0

  public init() {}
}

extension AggregationConfiguration {
  mutating func read(_ reader: inout ConfigurationReader) {
    reader.choice("kind", &kind)
    reader.choice("mode", &mode)
    reader.double("publish_interval_ms", &publishIntervalMilliseconds, .from(1, to: 60_000))
  }
}
