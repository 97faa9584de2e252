// Invariants of a table, for tests.

internal import Experience

extension Table {
  /// The first invariant that does not hold; nil if all do. O(capacity).
  func brokenInvariant(_ ring: StepRing) -> String? {
    var items = 0
    var left = 0
    for slot in 0..<(ring.folder?.touchableSlots ?? ring.capacity) {
      let record = records[slot]
      if slots.contains(slot) != record.isItem {
        return "slot \(slot): its bit does not agree with its record"
      }
      guard record.isItem else { continue }
      items += 1
      left += samplesLeft(in: record)
      let position = ring.position(inSlot: slot)
      guard ring.isLive(position) else { return "slot \(slot): an item on an evicted step" }
      guard ring.hasHistory(position) else { return "slot \(slot): an item whose stack has lost a frame" }
      var cursor = StepCursor(ring, position: position)
      for _ in 1..<Int(record.span) {
        if !configuration.schema.kind.crossesEpisodes, ring.flags(cursor.slot).contains(.isLast) {
          return "slot \(slot): an item over an episode's end"
        }
        cursor.advance(ring)
      }
      if slots.select(slots.rank(of: slot)) != slot { return "slot \(slot): rank and select disagree" }
    }
    if items != size { return "\(items) items, counted \(size)" }
    if left != samplesLeft { return "\(left) samples left, counted \(samplesLeft)" }
    if let itemsMax = configuration.itemsMax, size > itemsMax {
      return "\(size) items of at most \(itemsMax)"
    }
    return sampler.brokenInvariant(slots, records)
      ?? remover.brokenInvariant(slots, records).map { "remover: \($0)" }
  }
}

extension Selector {
  /// The first disagreement between the selector's state and the items; nil if there is none.
  /// O(capacity).
  func brokenInvariant(_ set: SlotSet, _ records: UnsafePointer<ItemRecord>) -> String? {
    switch self {
    case .uniform, .fifo, .lifo: return nil
    case .prioritized(let selector):
      if selector.tree.worstSumError() > 1e-6 {
        return "tree: a sum is off by \(selector.tree.worstSumError())"
      }
      return brokenKey(set, records, of: { selector.weight($0) }, at: { selector.tree.weight(at: $0) })
    case .heap(let selector):
      return brokenKey(set, records, of: { selector.key($0) }, at: { selector.tree.key(at: $0) })
        ?? selector.tree.brokenInvariant()
    case .rank(let selector):
      return brokenKey(
        set, records, of: { RankBuckets.bucket(of: $0) + 1 }, at: { selector.buckets.bucket(of: $0) + 1 })
        ?? selector.buckets.brokenInvariant(capacity: set.capacity)
    }
  }

  private func brokenKey<Key: Numeric>(
    _ set: SlotSet, _ records: UnsafePointer<ItemRecord>, of key: (Float) -> Key, at found: (Int) -> Key
  ) -> String? {
    for slot in 0..<set.capacity {
      let expected = set.contains(slot) ? key(records[slot].priority) : 0
      if found(slot) != expected { return "slot \(slot): \(found(slot)), expected \(expected)" }
    }
    return nil
  }
}

extension TournamentTree {
  /// The first node that is not the largest of its children; nil if there is none.
  func brokenInvariant() -> String? {
    for level in 1..<offsets.count {
      for node in 0..<(offsets[level] - offsets[level - 1]) / 8
      where nodes[offsets[level] + node] != largest(offsets[level - 1] + node * 8) {
        return "node \(node) of level \(level) is not the largest below"
      }
    }
    return nil
  }
}

extension ReplayStore {
  /// The first invariant of the store that does not hold; nil if all do. O(capacity).
  func checkInvariants() -> String? {
    guard let ring else { return nil }
    if let problem = ring.brokenInvariant() { return problem }
    for table in tables {
      if let problem = table.brokenInvariant(ring) {
        return "table '\(table.configuration.schema.name)': \(problem)"
      }
    }
    return nil
  }
}
