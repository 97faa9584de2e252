// The selectors by name.

/// How items of a table are chosen, to be sampled or to be removed from a full table.
public enum SelectorKind: Hashable, Sendable {
  /// Every item with the same probability.
  case uniform
  /// P(i) = p_i^α / Σ p_j^α (Schaul et al. 2016, eq. 1). `exponent` is α.
  case prioritized(exponent: Double)
  /// P(i) ∝ 1 / rank(i)^α, where rank 1 is the largest priority (Schaul et al. 2016, §3.3).
  /// `exponent` is α.
  case rank(exponent: Double)
  /// The item whose first step is the oldest.
  case fifo
  /// The item whose first step is the newest.
  case lifo
  /// The item with the least raw priority.
  case minHeap
  /// The item with the largest raw priority.
  case maxHeap
}

extension SelectorKind {
  /// The names in configurations.
  public enum Name: String, CaseIterable, Sendable {
    case prioritized, rank, uniform, fifo, lifo
    case minHeap = "min_heap"
    case maxHeap = "max_heap"
  }

  /// - Parameter exponent: α of `prioritized` and `rank`; others ignore it.
  public init(_ name: Name, exponent: Double) {
    self =
      switch name {
      case .prioritized: .prioritized(exponent: exponent)
      case .rank: .rank(exponent: exponent)
      case .uniform: .uniform
      case .fifo: .fifo
      case .lifo: .lifo
      case .minHeap: .minHeap
      case .maxHeap: .maxHeap
      }
  }
}
