// Distributions over actions: the only place that switches over them.

public import Experience
internal import Foundations

/// A stochastic policy's distribution over the actions of a space, described by the outputs of the
/// policy's head. Each kind of distribution is a file beside this one.
public enum ActionDistribution: Hashable, Sendable {
  case categorical(Categorical)

  /// Nil if no distribution is over this space.
  public init?(over actions: ActionSpace) {
    guard let count = actions.discreteCount else { return nil }
    self = .categorical(Categorical(count: count))
  }

  /// What the spaces with a distribution are, for messages.
  static let spaces = "discrete actions"

  /// Outputs of the policy's head.
  public var outputs: Int {
    switch self {
    case .categorical(let categorical): categorical.count
    }
  }

  /// The field of an action.
  public var field: Field {
    switch self {
    case .categorical(let categorical): ActionSpace.discrete(categorical.count).field
    }
  }

  /// Why no action of this distribution has these bytes; nil if one has.
  @inline(__always)
  func problem(_ action: UnsafeRawPointer, row: Int) -> BatchError? {
    switch self {
    case .categorical(let categorical):
      let value = action.load(as: Int32.self)
      return value >= 0 && value < categorical.count
        ? nil : .action(value, row: row, actions: categorical.count)
    }
  }

  /// Chooses an action: drawn, or without a generator the likeliest.
  /// - Returns: log π(a).
  @inline(__always)
  func act(
    _ outputs: UnsafePointer<Float>, to action: UnsafeMutableRawPointer,
    drawing generator: inout SeededGenerator,
    isGreedy: Bool
  ) -> Float {
    switch self {
    case .categorical(let categorical):
      let index =
        isGreedy ? categorical.mode(outputs) : categorical.action(outputs, drawn: generator.uniformFloat())
      action.storeBytes(of: Int32(truncatingIfNeeded: index), as: Int32.self)
      return categorical.logProbability(outputs, of: index)
    }
  }

  /// log π(a) and the entropy, in nats.
  @inline(__always)
  func evaluate(
    _ outputs: UnsafePointer<Float>, _ action: UnsafeRawPointer
  ) -> (logProbability: Float, entropy: Float) {
    switch self {
    case .categorical(let categorical):
      (
        categorical.logProbability(outputs, of: Int(action.load(as: Int32.self))),
        categorical.entropy(outputs)
      )
    }
  }

  /// Writes the gradient of −advantage · log π(a) − entropyCost · H in the outputs.
  @inline(__always)
  func writeLossGradient(
    _ outputs: UnsafePointer<Float>, _ action: UnsafeRawPointer, advantage: Float, entropyCost: Float,
    to gradient: UnsafeMutablePointer<Float>
  ) {
    switch self {
    case .categorical(let categorical):
      categorical.writeLossGradient(
        outputs, of: Int(action.load(as: Int32.self)), advantage: advantage, entropyCost: entropyCost,
        to: gradient)
    }
  }
}
