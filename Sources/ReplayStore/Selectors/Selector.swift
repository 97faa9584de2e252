// What every way of choosing items can do.

internal import Foundations

/// A way of choosing items by slot. One file a selector; the same one may sample and remove.
///
/// The table keeps the set of its items (`SlotSet`); a selector keeps only what it needs beside it.
protocol ItemSelector {
  /// Items at `slots` are new or have new raw priorities.
  func assign(_ slots: UnsafePointer<UInt32>, _ priorities: UnsafePointer<Float>, count: Int)
  /// Whatever items were in a range of slots are gone.
  func remove(_ range: Range<Int>)
  /// Chooses items of a set that is not empty.
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
}

/// The selectors there are. An enum, so that a call is a branch and a new one is led by compiler errors.
enum Selector {
  case uniform(UniformSelector)
  case prioritized(PrioritizedSelector)
  case fifo(FIFOSelector)

  init(_ kind: SelectorKind, capacity: Int) throws(ReplayStoreError) {
    switch kind {
    case .uniform: self = .uniform(UniformSelector())
    case .prioritized(let exponent):
      self = .prioritized(try PrioritizedSelector(exponent: exponent, capacity: capacity))
    case .fifo: self = .fifo(FIFOSelector())
    }
  }

  static func byteCount(_ kind: SelectorKind, capacity: Int) -> Int {
    switch kind {
    case .uniform, .fifo: 0
    case .prioritized: PriorityTree.byteCount(capacity: capacity)
    }
  }
}

extension Selector: ItemSelector {
  func assign(_ slots: UnsafePointer<UInt32>, _ priorities: UnsafePointer<Float>, count: Int) {
    switch self {
    case .uniform(let selector): selector.assign(slots, priorities, count: count)
    case .prioritized(let selector): selector.assign(slots, priorities, count: count)
    case .fifo(let selector): selector.assign(slots, priorities, count: count)
    }
  }

  func remove(_ range: Range<Int>) {
    switch self {
    case .uniform(let selector): selector.remove(range)
    case .prioritized(let selector): selector.remove(range)
    case .fifo(let selector): selector.remove(range)
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
    case .fifo(let selector):
      selector.select(from: set, oldest: oldest, generator: &generator, into: selection)
    }
  }
}
