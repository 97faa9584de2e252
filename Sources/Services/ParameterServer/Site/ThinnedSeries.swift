// A series that covers a whole run in bounded memory.

/// A point in time that can be merged with others.
protocol Thinnable {
  /// Merges `next`, which follows this point. This point stands for `count` appended points, `next`
  /// for `others`.
  mutating func merge(_ next: Self, count: Int, others: Int)
}

/// Keeps at most `capacity` points. When it is full, neighbours are merged, and from then on each
/// point stands for twice as many.
///
/// Every point stands for `stride` appended points, a power of two. The newest point appears in
/// `points` once it is complete. Appending is O(1), amortised.
struct ThinnedSeries<Point: Thinnable> {
  let capacity: Int
  private(set) var points: [Point] = []
  private(set) var stride = 1
  /// Grows whenever points are merged.
  private(set) var generation = 0
  private var open: Point?
  private var openCount = 0

  /// - Parameter capacity: an even number.
  init(capacity: Int) {
    precondition(capacity > 0 && capacity % 2 == 0)
    self.capacity = capacity
  }

  mutating func append(_ point: Point) {
    if open == nil { open = point } else { open?.merge(point, count: openCount, others: 1) }
    openCount += 1
    guard openCount == stride, let complete = open else { return }
    points.append(complete)
    open = nil
    openCount = 0
    if points.count == capacity { halve() }
  }

  private mutating func halve() {
    points = Swift.stride(from: 0, to: points.count, by: 2).map { index in
      var point = points[index]
      point.merge(points[index + 1], count: stride, others: stride)
      return point
    }
    stride *= 2
    generation += 1
  }
}
