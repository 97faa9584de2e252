// The server's step along a merged delta.

/// `aggregation.outer`: the server's step along a round's merged delta Δ (Douillard et al. 2023,
/// DiLoCo): v ← μ·v + Δ; θ += lr·(Δ + μ·v).
public struct OuterConfiguration: Hashable, Sendable {
  /// lr, above 0 and up to 10; 1 is plain averaging.
  public var learningRate = 1.0
  /// μ of Nesterov's momentum, 0 to 0.999; 0 is plain averaging.
  public var momentum = 0.0

  public init() {}
}

extension OuterConfiguration {
  mutating func read(_ reader: inout ConfigurationReader) {
    reader.double("learning_rate", &learningRate, .above(0, upTo: 10))
    reader.double("momentum", &momentum, .from(0, to: 0.999))
  }
}
