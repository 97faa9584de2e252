// How fast each selector is by itself, and how its cost grows.

internal import Experience
internal import Foundations

/// Measures the selectors on this machine, one thread, without steps or limiter: items filled up, then random keys get new
/// priorities and batches are drawn. It is here and not in `Benchmarks`, as a selector by itself is nothing that others see.
public enum SelectorBenchmark {
  public struct Result: Sendable {
    public var selector: String
    public var items: Int
    /// New priorities of random items, 512 at a time.
    public var updatesPerSecond: Double
    /// Batches of 512 items.
    public var drawsPerSecond: Double
    /// Making it anew from all items' records.
    public var rebuild_s: Double
    /// What it keeps beside the items and their set.
    public var bytesPerItem: Double
  }

  private static let batch = 512
  private static let duration = Instant.Span.seconds(0.3)

  /// One result for each selector and number of items; takes a second for each.
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
          // Another priority each time around.
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
