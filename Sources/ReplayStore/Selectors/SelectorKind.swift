// The ways to choose items, by name.

/// How items of a table are chosen: to be sampled, or to be removed when it is full.
public enum SelectorKind: Hashable, Sendable {
  /// Every item with the same probability.
  case uniform
  /// P(i) = p_i^α / Σ p_j^α (Schaul et al. 2016, eq. 1). `exponent` is α.
  case prioritized(exponent: Double)
  /// The item whose first step came first.
  case fifo
}

extension SelectorKind {
  /// Why this cannot be a table's sampler, or nil if it can.
  var problem: String? {
    switch self {
    case .uniform, .fifo: return nil
    case .prioritized(let exponent):
      if exponent >= 0 && exponent <= 16 { return nil }
      return "prioritized: expected an exponent of 0 to 16, found \(exponent)"
    }
  }

  /// Why this cannot be a table's remover, or nil if it can. Removers act while inserting, where there is no generator.
  var problemAsRemover: String? {
    switch self {
    case .fifo: nil
    case .uniform, .prioritized: "remover: expected fifo, which needs no generator, found \(self)"
    }
  }
}
