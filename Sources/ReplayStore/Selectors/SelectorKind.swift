// The ways to choose items, by name.

/// How items of a table are chosen: to be sampled, or to be removed when it is full.
public enum SelectorKind: Hashable, Sendable {
  /// Every item with the same probability.
  case uniform
  /// P(i) = p_i^α / Σ p_j^α (Schaul et al. 2016, eq. 1). `exponent` is α.
  case prioritized(exponent: Double)
  /// P(i) ∝ 1 / rank(i)^α, rank 1 being the largest priority (Schaul et al. 2016, §3.3). `exponent` is α.
  case rank(exponent: Double)
  /// The item whose first step came first.
  case fifo
  /// The item whose first step came last.
  case lifo
  /// The item with the least raw priority.
  case minHeap
  /// The item with the largest raw priority.
  case maxHeap
}

extension SelectorKind {
  /// Beyond this everything but the largest priority is never drawn.
  static let exponentMax = 16.0

  /// Why this cannot be a table's sampler or remover, or nil if it can.
  var problem: String? {
    switch self {
    case .uniform, .fifo, .lifo, .minHeap, .maxHeap: return nil
    case .prioritized(let exponent), .rank(let exponent):
      if exponent >= 0 && exponent <= Self.exponentMax { return nil }
      return "\(self): expected an exponent of 0 to \(Self.exponentMax), found \(exponent)"
    }
  }

  /// Whether the same state of a table always leads to the same choice.
  var isDeterministic: Bool {
    switch self {
    case .fifo, .lifo, .minHeap, .maxHeap: true
    case .uniform, .prioritized, .rank: false
    }
  }
}
