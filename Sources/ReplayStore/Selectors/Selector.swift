// What every selector can do.

internal import Experience
internal import Foundations

/// A way of choosing items by slot. The same selector may serve as sampler and as remover. Each has
/// a file of its own.
///
/// The table keeps the set of its items (`SlotSet`) and their priorities; a selector keeps only
/// what it needs beside them.
protocol ItemSelector {
  /// Items at `slots` are new or have new raw priorities, which are finite and not negative. If a
  /// slot occurs twice, the last priority wins.
  func assign(_ slots: UnsafePointer<UInt32>, _ priorities: UnsafePointer<Float>, count: Int)
  /// The items in a range of slots, if any, are removed.
  func remove(_ range: Range<Int>)
  /// The sum of the set's weights.
  func mass(of set: SlotSet) -> Double
  /// Chooses items of a set that is not empty, and returns the mass. `oldest` is the slot of the
  /// oldest step.
  func select(from set: SlotSet, oldest: Int, generator: inout SeededGenerator, into selection: Selection)
    -> Double
}

/// Output of a selection: for each draw a slot and a weight. The draw's probability is weight /
/// mass.
struct Selection {
  var slots: UnsafeMutablePointer<UInt32>
  var weights: UnsafeMutablePointer<Float>
  var count: Int

  /// The part of the selection for one draw.
  func draw(_ index: Int) -> Selection { Selection(slots: slots + index, weights: weights + index, count: 1) }

  /// Writes the same slot for every draw, with probability 1; returns the mass.
  func fill(_ slot: Int, mass: Double) -> Double {
    for draw in 0..<count {
      slots[draw] = UInt32(slot)
      weights[draw] = Float(mass)
    }
    return mass
  }
}

extension ItemSelector {
  /// Defaults for selectors that keep nothing beside the set; their mass is its count.
  func assign(_ slots: UnsafePointer<UInt32>, _ priorities: UnsafePointer<Float>, count: Int) {}
  func remove(_ range: Range<Int>) {}
  func mass(of set: SlotSet) -> Double { Double(set.count) }

  /// Chooses one item to remove.
  func choose(from set: SlotSet, oldest: Int, generator: inout SeededGenerator) -> Int {
    var slot: UInt32 = 0
    var weight: Float = 0
    withUnsafeMutablePointer(to: &slot) { slot in
      withUnsafeMutablePointer(to: &weight) { weight in
        _ = select(
          from: set, oldest: oldest, generator: &generator,
          into: Selection(slots: slot, weights: weight, count: 1))
      }
    }
    return Int(slot)
  }

  /// Adds all items of a set to a selector that has none, from their records; used by recovery.
  /// O(items) for every selector: slots come in order, so neighbours share their path up a tree.
  func rebuild(_ set: SlotSet, from records: UnsafePointer<ItemRecord>) {
    let block = 4096
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: block) { slots in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: block) { priorities in
        var count = 0
        set.forEach { slot in
          slots[count] = UInt32(slot)
          priorities[count] = records[slot].priority
          count += 1
          guard count == block else { return }
          assign(slots.baseAddress!, priorities.baseAddress!, count: count)
          count = 0
        }
        if count > 0 { assign(slots.baseAddress!, priorities.baseAddress!, count: count) }
      }
    }
  }
}

/// All selectors. An enum, so that a call is a branch, and the compiler finds each place where a
/// new selector is missing.
enum Selector {
  case uniform(UniformSelector)
  case prioritized(PrioritizedSelector)
  case rank(RankSelector)
  case fifo(FIFOSelector)
  case lifo(LIFOSelector)
  case heap(HeapSelector)

  init(_ kind: SelectorKind, capacity: Int) throws(ReplayStoreError) {
    switch kind {
    case .uniform: self = .uniform(UniformSelector())
    case .prioritized(let exponent):
      self = .prioritized(try PrioritizedSelector(exponent: exponent, capacity: capacity))
    case .rank(let exponent): self = .rank(try RankSelector(exponent: exponent, capacity: capacity))
    case .fifo: self = .fifo(FIFOSelector())
    case .lifo: self = .lifo(LIFOSelector())
    case .minHeap: self = .heap(try HeapSelector(.least, capacity: capacity))
    case .maxHeap: self = .heap(try HeapSelector(.greatest, capacity: capacity))
    }
  }

  /// Bytes that the selector keeps beside the items.
  static func byteCount(_ kind: SelectorKind, capacity: Int) -> Int {
    switch kind {
    case .uniform, .fifo, .lifo: 0
    case .prioritized: PriorityTree.byteCount(capacity: capacity)
    case .rank: RankBuckets.byteCount(capacity: capacity)
    case .minHeap, .maxHeap: TournamentTree.byteCount(capacity: capacity)
    }
  }
}

extension Selector: ItemSelector {
  func assign(_ slots: UnsafePointer<UInt32>, _ priorities: UnsafePointer<Float>, count: Int) {
    switch self {
    case .uniform(let selector): selector.assign(slots, priorities, count: count)
    case .prioritized(let selector): selector.assign(slots, priorities, count: count)
    case .rank(let selector): selector.assign(slots, priorities, count: count)
    case .fifo(let selector): selector.assign(slots, priorities, count: count)
    case .lifo(let selector): selector.assign(slots, priorities, count: count)
    case .heap(let selector): selector.assign(slots, priorities, count: count)
    }
  }

  func remove(_ range: Range<Int>) {
    switch self {
    case .uniform(let selector): selector.remove(range)
    case .prioritized(let selector): selector.remove(range)
    case .rank(let selector): selector.remove(range)
    case .fifo(let selector): selector.remove(range)
    case .lifo(let selector): selector.remove(range)
    case .heap(let selector): selector.remove(range)
    }
  }

  func mass(of set: SlotSet) -> Double {
    switch self {
    case .uniform(let selector): selector.mass(of: set)
    case .prioritized(let selector): selector.mass(of: set)
    case .rank(let selector): selector.mass(of: set)
    case .fifo(let selector): selector.mass(of: set)
    case .lifo(let selector): selector.mass(of: set)
    case .heap(let selector): selector.mass(of: set)
    }
  }

  func select(from set: SlotSet, oldest: Int, generator: inout SeededGenerator, into selection: Selection)
    -> Double
  {
    switch self {
    case .uniform(let selector):
      selector.select(from: set, oldest: oldest, generator: &generator, into: selection)
    case .prioritized(let selector):
      selector.select(from: set, oldest: oldest, generator: &generator, into: selection)
    case .rank(let selector):
      selector.select(from: set, oldest: oldest, generator: &generator, into: selection)
    case .fifo(let selector):
      selector.select(from: set, oldest: oldest, generator: &generator, into: selection)
    case .lifo(let selector):
      selector.select(from: set, oldest: oldest, generator: &generator, into: selection)
    case .heap(let selector):
      selector.select(from: set, oldest: oldest, generator: &generator, into: selection)
    }
  }
}
