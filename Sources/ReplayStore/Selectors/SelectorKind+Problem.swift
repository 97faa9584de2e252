// What the ways to choose items are like here.

internal import Experience

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
