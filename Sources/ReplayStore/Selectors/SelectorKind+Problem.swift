// What each kind of selector allows.

internal import Experience

extension SelectorKind {
  /// The largest exponent. Beyond it, hardly anything but the largest priority would ever be drawn.
  static let exponentMax = 16.0

  /// Why this cannot be a table's sampler or remover; nil if it can.
  var problem: String? {
    switch self {
    case .uniform, .fifo, .lifo, .minHeap, .maxHeap: return nil
    case .prioritized(let exponent), .rank(let exponent):
      if exponent >= 0 && exponent <= Self.exponentMax { return nil }
      return "\(self): expected an exponent of 0 to \(Self.exponentMax), found \(exponent)"
    }
  }

  /// Whether the same items always lead to the same choice.
  var isDeterministic: Bool {
    switch self {
    case .fifo, .lifo, .minHeap, .maxHeap: true
    case .uniform, .prioritized, .rank: false
    }
  }
}
