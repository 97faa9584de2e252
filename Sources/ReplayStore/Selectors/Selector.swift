// What every way of choosing items can do.

internal import Experience
internal import Foundations

/// A way of choosing items by slot. One file a selector; the same one may sample and remove.
///
/// The table keeps the set of its items (`SlotSet`) and their priorities; a selector keeps only what it needs beside them.
protocol ItemSelector {
  /// Items at `slots` are new or have new raw priorities, which are finite and not negative. Of a slot named twice the last
  /// one stays.
  func assign(_ slots: UnsafePointer<UInt32>, _ priorities: UnsafePointer<Float>, count: Int)
  /// Whatever items were in a range of slots are gone.
  func remove(_ range: Range<Int>)
  /// What a set's items weigh together.
  func mass(of set: SlotSet) -> Double
  /// Chooses items of a set that is not empty; returns the mass. `oldest` is the slot of the oldest step.
  func select(from set: SlotSet, oldest: Int, generator: inout SeededGenerator, into selection: Selection)
    -> Double
}

/// Where a selection goes: slots, and for each a weight so that its probability is weight / mass, mass being returned.
struct Selection {
  var slots: UnsafeMutablePointer<UInt32>
  var weights: UnsafeMutablePointer<Float>
  var count: Int

  /// The selection's part for one draw.
  func draw(_ index: Int) -> Selection { Selection(slots: slots + index, weights: weights + index, count: 1) }

  /// The same slot for every draw, with probability 1.
  func fill(_ slot: Int, mass: Double) -> Double {
    for draw in 0..<count {
      slots[draw] = UInt32(slot)
      weights[draw] = Float(mass)
    }
    return mass
  }
}

extension ItemSelector {
  /// Most of them keep nothing beside the set, which is also the mass.
  func assign(_ slots: UnsafePointer<UInt32>, _ priorities: UnsafePointer<Float>, count: Int) {}
  func remove(_ range: Range<Int>) {}
  func mass(of set: SlotSet) -> Double { Double(set.count) }

  /// One item, as a remover chooses it.
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

  /// Takes up all items of a set, of which it knows none, from their records: after recovery. O(items) for every selector
  /// there is: slots come in order, so neighbours share their way up a tree.
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

/// The selectors there are. An enum, so that a call is a branch and a new one is led by compiler errors.
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

  /// Bytes that it keeps beside the items.
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
