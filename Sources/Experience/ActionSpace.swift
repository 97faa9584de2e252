// The actions of an environment.

/// The space of an environment's actions, as in Gymnasium.
public enum ActionSpace: Hashable, Sendable, CustomStringConvertible {
  /// int32, 0 ..< n.
  case discrete(Int)
  /// float32 `shape`, each element between its bounds.
  case box(shape: [Int], low: [Float], high: [Float])

  /// The step's field that holds an action.
  public var field: Field {
    switch self {
    case .discrete: Field(StepSchema.action, .int32)
    case .box(let shape, _, _): Field(StepSchema.action, .float32, shape: shape)
    }
  }

  /// The space in words, for messages.
  public var description: String {
    switch self {
    case .discrete(let count): "\(count) discrete actions"
    case .box(let shape, _, _): "a box of shape \(shape)"
    }
  }

  /// n of a discrete space; nil for others.
  public var discreteCount: Int? {
    switch self {
    case .discrete(let count): count
    case .box: nil
    }
  }

  /// The first of `count` actions that lies outside the space: its row, what was expected and what
  /// was found. nil if there is none. Rows that are `ignored` are skipped. Actions are int32, or
  /// float32 `[count] + shape`.
  public func firstOutside(
    _ actions: UnsafeRawPointer, count: Int, ignored: (Int) -> Bool
  ) -> (row: Int, expected: String, found: String)? {
    switch self {
    case .discrete(let n):
      let values = actions.assumingMemoryBound(to: Int32.self)
      let limit = UInt32(truncatingIfNeeded: n)
      for row in 0..<count where UInt32(bitPattern: values[row]) >= limit && !ignored(row) {
        return (row, "0 to \(n - 1)", "\(values[row])")
      }
    case .box(_, let low, let high):
      let values = actions.assumingMemoryBound(to: Float.self)
      for row in 0..<count {
        for (element, bounds) in zip(low, high).enumerated() {
          let value = values[row * low.count + element]
          // NaN is outside too.
          if value >= bounds.0, value <= bounds.1 { continue }
          if ignored(row) { break }
          return (row, "element \(element) within \(bounds.0) to \(bounds.1)", "\(value)")
        }
      }
    }
    return nil
  }
}
