// What must always hold of a table; for tests.

internal import Experience

extension Table {
  /// The first thing that does not hold, or nil. O(capacity).
  func brokenInvariant(_ ring: StepRing) -> String? {
    var items = 0
    var left = 0
    for slot in 0..<(ring.folder?.touchableSlots ?? ring.capacity) {
      let record = records[slot]
      if slots.contains(slot) != record.isItem {
        return "slot \(slot): its bit does not agree with its record"
      }
      if let problem = brokenWeight(slot, record) { return problem }
      guard record.isItem else { continue }
      items += 1
      left += samplesLeft(in: record)
      let position = ring.position(inSlot: slot)
      guard ring.isLive(position) else { return "slot \(slot): an item on a dead step" }
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
    if case .prioritized(let selector) = sampler, selector.tree.worstSumError() > 1e-6 {
      return "tree: a sum is off by \(selector.tree.worstSumError())"
    }
    return nil
  }

  private func brokenWeight(_ slot: Int, _ record: ItemRecord) -> String? {
    guard case .prioritized(let selector) = sampler else { return nil }
    let expected = record.isItem ? selector.weight(record.priority) : 0
    let found = selector.tree.weight(at: slot)
    return found == expected ? nil : "slot \(slot): weight \(found), expected \(expected)"
  }
}

extension ReplayStore {
  /// The first thing that does not hold of the store, or nil; for tests. O(capacity).
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
