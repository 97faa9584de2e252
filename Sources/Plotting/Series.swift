// Named curves.

/// A point of a curve, with the range around it.
public struct CurvePoint: Hashable, Sendable {
  /// Where the point is on the horizontal axis.
  public var x: Double
  /// The value.
  public var y: Double
  /// The lower edge of the range.
  public var low: Double
  /// The upper edge of the range.
  public var high: Double

  /// Without `low` and `high` the range is the value alone.
  public init(x: Double, y: Double, low: Double? = nil, high: Double? = nil) {
    self.x = x
    self.y = y
    self.low = low ?? y
    self.high = high ?? y
  }

  /// Whether all its numbers are finite; the bound leaves room for their differences.
  var isDrawable: Bool { [x, y, low, high].allSatisfy { abs($0) < 1e300 } }
}

/// A named curve, sorted by x.
public struct Series: Hashable, Sendable {
  /// The curve's name in the legend.
  public var name: String
  /// The curve's points, sorted by x; all values are finite.
  public var points: [CurvePoint]

  /// Sorts by x and leaves out points that are NaN or infinite.
  public init(name: String, points: [CurvePoint]) {
    self.name = name
    self.points = points.filter(\.isDrawable).sorted { $0.x < $1.x }
  }

  /// At most `count` points: every k-th, and the last.
  public func thinned(to count: Int) -> Series {
    guard points.count > count, count > 1 else { return self }
    let stride = (points.count + count - 2) / (count - 1)
    var copy = self
    copy.points = points.enumerated().filter { $0.offset % stride == 0 || $0.offset == points.count - 1 }
      .map(\.element)
    return copy
  }

  /// The value at `x` on the line between its neighbours; nil outside the curve.
  public func value(at x: Double) -> Double? {
    guard let first = points.first, let last = points.last, x >= first.x, x <= last.x else { return nil }
    var (low, high) = (0, points.count - 1)
    while high - low > 1 {
      let middle = (low + high) / 2
      if points[middle].x <= x { low = middle } else { high = middle }
    }
    let (a, b) = (points[low], points[high])
    guard b.x > a.x else { return b.y }
    return a.y + (b.y - a.y) * ((x - a.x) / (b.x - a.x))
  }

  /// The range around a mean.
  public enum Band: Sendable {
    /// s/√n on both sides.
    case standardError
    /// From the least to the greatest.
    case extremes
  }

  /// The mean of several curves on a common grid of x that all of them cover.
  ///
  /// - Returns: nil if there is no x that all of them cover.
  public static func mean(
    of all: [Series], name: String, band: Band = .standardError, gridPoints: Int = 200
  ) -> Series? {
    guard let start = all.compactMap(\.points.first?.x).max(),
      let end = all.compactMap(\.points.last?.x).min(),
      all.allSatisfy({ !$0.points.isEmpty }), start <= end
    else { return nil }
    let points = (0..<gridPoints).map { index in
      let fraction = Double(index) / Double(max(1, gridPoints - 1))
      let x = index == gridPoints - 1 ? end : start + (end - start) * fraction
      let values = all.compactMap { $0.value(at: x) }
      let count = Double(values.count)
      let mean = values.reduce(0, +) / count
      let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
      switch band {
      case .extremes: return CurvePoint(x: x, y: mean, low: values.min(), high: values.max())
      case .standardError:
        let error = count > 1 ? (squares / (count - 1) / count).squareRoot() : 0
        return CurvePoint(x: x, y: mean, low: mean - error, high: mean + error)
      }
    }
    return Series(name: name, points: points)
  }
}
