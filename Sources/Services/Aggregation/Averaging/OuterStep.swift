// The server's step along a round's merged delta.

internal import Configuration

/// θ += lr·(Δ + μ·v) with v ← μ·v + Δ: Nesterov's momentum on merged deltas, where −Δ stands for
/// the gradient (Douillard et al. 2023, DiLoCo, algorithm 1). v is saved with the weights.
///
/// With lr = 1 and μ = 0 it is plain averaging, bit for bit and at the same cost.
struct OuterStep {
  static let plain = OuterStep(OuterConfiguration())
  /// The vector of the state that holds v.
  static let vector = "outer_momentum"

  private let configuration: OuterConfiguration
  private let learningRate: Float
  private let momentum: Float

  init(_ configuration: OuterConfiguration) {
    self.configuration = configuration
    learningRate = Float(configuration.learningRate)
    momentum = Float(configuration.momentum)
  }

  private static func index(in state: borrowing ParameterState) -> Int? {
    state.vectors.firstIndex { $0.name == vector }
  }

  /// Gives the state the vectors of these settings. A momentum that another μ made goes on: it
  /// turns into one of this μ within about 1/(1 − μ) rounds.
  /// - Returns: what the user should know of a saved state.
  func prepare(_ state: inout ParameterState) -> String? {
    let kept = Self.index(in: state).map { state.vectors[$0] }
    let others = state.vectors.map(\.name).filter { $0 != Self.vector }
    state.vectors = []
    guard others.isEmpty else {
      _ = prepare(&state)
      return "aggregation: the saved \(others.joined(separator: ", ")) is of other settings, and is dropped"
    }
    let key = "aggregation.outer.momentum is \(configuration.momentum)"
    guard momentum != 0 else {
      return kept.map {
        "\(key), and was \($0.number) when the weights were saved: their momentum is dropped"
      }
    }
    guard let kept, kept.values.allSatisfy(\.isFinite) else {
      let zeros = [Float](repeating: 0, count: state.values.count)
      state.vectors = [StateVector(name: Self.vector, number: configuration.momentum, values: zeros)]
      guard state.version > 1 else { return nil }
      let found = kept == nil ? "none" : "one that is not finite"
      return "\(key), and the saved weights have \(found): it begins at zero"
    }
    state.vectors = [StateVector(name: Self.vector, number: configuration.momentum, values: kept.values)]
    guard kept.number != configuration.momentum else { return nil }
    return
      "\(key), and was \(kept.number) when the weights were saved: the saved momentum goes on with the new value"
  }

  /// Steps along the round's delta, and empties the round.
  ///
  /// A round that restores weights after a divergence is merged plainly, and its momentum is
  /// emptied: it points to where the weights diverged.
  func apply(_ round: inout MergeRound, scale: Float, to state: inout ParameterState) {
    let index = Self.index(in: state)
    if round.restores {
      if let index { state.vectors[index].values = Array(repeating: 0, count: state.values.count) }
      return round.apply(to: &state.values, scale: scale)
    }
    guard let index else { return round.apply(to: &state.values, scale: scale * learningRate) }
    // Out of the state, which the call changes too.
    var velocity: [Float] = []
    swap(&velocity, &state.vectors[index].values)
    round.apply(
      to: &state.values, velocity: &velocity, scale: scale, learningRate: learningRate, momentum: momentum)
    swap(&velocity, &state.vectors[index].values)
  }
}
