// Sets of message numbers.

/// Numbers as ranges in ascending order that neither overlap nor touch.
public struct NumberRanges: Hashable, Sendable {
  public private(set) var ranges: [ClosedRange<UInt64>] = []

  public init() {}

  public var isEmpty: Bool { ranges.isEmpty }
  /// How many numbers they are; below 2⁶³.
  public var count: UInt64 { ranges.reduce(0) { $0 + $1.upperBound - $1.lowerBound + 1 } }

  /// Adds numbers, at most 2⁶². O(ranges behind them).
  public mutating func insert(_ numbers: ClosedRange<UInt64>) {
    var after = ranges.count
    while after > 0, ranges[after - 1].lowerBound > numbers.upperBound + 1 { after -= 1 }
    var before = after
    var merged = numbers
    while before > 0, ranges[before - 1].upperBound + 1 >= numbers.lowerBound {
      before -= 1
      merged =
        min(merged.lowerBound, ranges[before].lowerBound)...max(merged.upperBound, ranges[before].upperBound)
    }
    ranges.replaceSubrange(before..<after, with: [merged])
  }

  /// Removes numbers.
  mutating func remove(_ others: NumberRanges) {
    for other in others.ranges {
      var kept = take(below: other.lowerBound)
      _ = take(below: other.upperBound + 1)
      kept += ranges
      ranges = kept
    }
  }

  /// Removes and returns the numbers below `bound`.
  mutating func take(below bound: UInt64) -> [ClosedRange<UInt64>] {
    var taken: [ClosedRange<UInt64>] = []
    while let first = ranges.first, first.lowerBound < bound {
      ranges.removeFirst()
      if first.upperBound < bound {
        taken.append(first)
      } else {
        taken.append(first.lowerBound...bound - 1)
        ranges.insert(bound...first.upperBound, at: 0)
      }
    }
    return taken
  }
}

extension NumberRanges: CustomStringConvertible {
  /// `3, 7 to 9`; at most 8 ranges, and how many more there are.
  public var description: String {
    let shown = ranges.prefix(8).map {
      $0.lowerBound == $0.upperBound ? "\($0.lowerBound)" : "\($0.lowerBound) to \($0.upperBound)"
    }
    return (shown + (ranges.count > 8 ? ["\(ranges.count - 8) more ranges"] : [])).joined(separator: ", ")
  }
}
