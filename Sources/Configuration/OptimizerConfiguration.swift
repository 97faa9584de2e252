// What turns gradients into steps.

/// `algorithm.optimizer`: the optimizer, of each learner or with shared gradients of the parameter
/// server. Settings that the chosen kind does not have are ignored.
public struct OptimizerConfiguration: Hashable, Sendable {
  /// How a gradient becomes a step.
  public enum Kind: String, CaseIterable, Sendable {
    /// Kingma & Ba 2015.
    case adam
    /// Gradient descent, with momentum if μ is above 0.
    case sgd
    /// Tieleman & Hinton 2012, with momentum if μ is above 0.
    case rmsprop
  }

  /// How a gradient becomes a step.
  public var kind = Kind.adam
  /// ε in the denominator of `adam` and `rmsprop`.
  public var epsilon = 1e-8
  /// Decay of Adam's first moment.
  public var beta1 = 0.9
  /// Decay of Adam's second moment.
  public var beta2 = 0.999
  /// μ of `sgd` and `rmsprop`.
  public var momentum = 0.0
  /// α of `rmsprop`, the decay of its second moment.
  public var decay = 0.99

  public init() {}
}

extension OptimizerConfiguration {
  mutating func read(_ reader: inout ConfigurationReader) {
    reader.choice("kind", &kind)
    reader.double("epsilon", &epsilon, .above(0, upTo: 1))
    reader.double("beta1", &beta1, .from(0, to: 0.9999))
    reader.double("beta2", &beta2, .from(0, to: 0.999999))
    reader.double("momentum", &momentum, .from(0, to: 0.9999))
    reader.double("decay", &decay, .from(0, to: 0.999999))
  }
}
