// The speed of each selector by itself, and how its cost grows with the number of items.

internal import Experience
internal import Foundations

/// Measures the selectors on this machine, in one thread, without steps or a limiter. It fills a
/// selector with items, assigns random items new priorities, and draws batches. It is here, not
/// in `Benchmarks`, because selectors are internal to this module.
public enum SelectorBenchmark {
  /// The rates of one selector at one size.
  public struct Result: Sendable {
    /// The selector's name in configurations.
    public var selector: String
    /// Items in the selector.
    public var items: Int
    /// Priorities assigned a second, in calls of 512 random items.
    public var updatesPerSecond: Double
    /// Batches of 512 items drawn a second.
    public var drawsPerSecond: Double
    /// Seconds to rebuild the selector from all items' records.
    public var rebuild_s: Double
    /// Bytes that the selector keeps for each item, beside the item's record and its bit in the
    /// set.
    public var bytesPerItem: Double
  }

  private static let batch = 512
  private static let duration = Instant.Span.seconds(0.3)

  /// Returns one result for each selector and each number of items. Each takes about a second.
  public static func run(items: [Int]) -> [Result] {
    let kinds: [(String, SelectorKind)] = [
      ("uniform", .uniform), ("prioritized", .prioritized(exponent: 0.6)), ("rank", .rank(exponent: 0.7)),
      ("fifo", .fifo), ("lifo", .lifo), ("min_heap", .minHeap), ("max_heap", .maxHeap),
    ]
    do {
      return try items.flatMap { items in try kinds.map { try measure($0, $1, items: items) } }
    } catch {
      preconditionFailure("no memory for the benchmark: \(error)")
    }
  }

  private static func measure(_ name: String, _ kind: SelectorKind, items: Int) throws -> Result {
    let arena = try Arena(byteCount: items * MemoryLayout<ItemRecord>.stride)
    let records = arena.bound(to: ItemRecord.self)
    let set = try SlotSet(capacity: items)
    var generator = SeededGenerator(seed: 1)
    for slot in 0..<items {
      records[slot] = ItemRecord(priority: 2 * generator.uniformFloat(), span: 2, timesSampled: 0)
      var added = UInt32(slot)
      set.insert(&added, count: 1)
    }
    let selector = try Selector(kind, capacity: items)
    let start = SystemClock.now()
    selector.rebuild(set, from: records)
    let rebuilt = SystemClock.now() - start

    let slots = (0..<batch * 64).map { _ in UInt32(generator.below(items)) }
    let priorities = slots.map { _ in 2 * generator.uniformFloat() }
    var first = 0
    let updates = CallRate.measure(for: duration) {
      first = (first + batch) % slots.count
      slots.withUnsafeBufferPointer { slots in
        priorities.withUnsafeBufferPointer { priorities in
          // Shifted, so that slots get other priorities each time around.
          let shift = generator.below(priorities.count - batch)
          selector.assign(slots.baseAddress! + first, priorities.baseAddress! + shift, count: batch)
        }
      }
    }
    var drawn = [UInt32](repeating: 0, count: batch)
    var weights = [Float](repeating: 0, count: batch)
    let draws = CallRate.measure(for: duration) {
      drawn.withUnsafeMutableBufferPointer { drawn in
        weights.withUnsafeMutableBufferPointer { weights in
          let selection = Selection(slots: drawn.baseAddress!, weights: weights.baseAddress!, count: batch)
          _ = selector.select(from: set, oldest: 0, generator: &generator, into: selection)
        }
      }
    }
    return Result(
      selector: name, items: items, updatesPerSecond: updates * Double(batch), drawsPerSecond: draws,
      rebuild_s: rebuilt.seconds,
      bytesPerItem: Double(Selector.byteCount(kind, capacity: items)) / Double(items))
  }
}
