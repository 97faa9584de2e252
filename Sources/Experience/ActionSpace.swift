// What actions there are.

/// The space of an environment's actions, as Gymnasium has them.
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

  /// As messages name it.
  public var description: String {
    switch self {
    case .discrete(let count): "\(count) discrete actions"
    case .box(let shape, _, _): "a box of shape \(shape)"
    }
  }

  /// n of a discrete space.
  public var discreteCount: Int? {
    switch self {
    case .discrete(let count): count
    case .box: nil
    }
  }

  /// The first of `count` actions that lies outside, of those that are not `ignored`: its row, what
  /// was expected, what was found. Nil if there is none.
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
