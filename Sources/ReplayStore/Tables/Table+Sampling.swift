// Draws items of a table.

internal import Foundations

extension Table {
  /// Draws `count` items. The caller has checked that the limiter and the table's items allow it.
  func sample(_ count: Int, ring: StepRing, generator: inout SeededGenerator, into draw: inout Draw) {
    draw.resize(count)
    draw.itemCount = size
    draw.mass = draw.withColumns { columns in
      let selection = Selection(slots: columns.slots, weights: columns.probabilities, count: count)
      if configuration.staleness != nil { return selectOldestWeights(count, columns, ring) }
      if configuration.timesSampledMax == 0 {
        return select(selection, 0, columns, ring, &generator)
      }
      // One at a time, because each draw may remove its item.
      let mass = select(selection.draw(0), 0, columns, ring, &generator)
      for index in 1..<count { _ = select(selection.draw(index), index, columns, ring, &generator) }
      return mass
    }
    limiter.didSample(count)
    draw.inserts = limiter.inserts
    draw.samples = limiter.samples
    saveMark()
  }

  /// Selects items, counts them, and fills their rows of the columns from `first` on; returns the
  /// mass.
  private func select(
    _ selection: Selection, _ first: Int, _ columns: Draw.Columns, _ ring: StepRing,
    _ generator: inout SeededGenerator
  ) -> Double {
    let mass = sampler.select(from: slots, oldest: ring.oldestSlot, generator: &generator, into: selection)
    take(selection, first, columns, ring, mass: mass)
    return mass
  }

  /// Counts the selected items, and fills their rows of the columns from `first` on.
  func take(_ selection: Selection, _ first: Int, _ columns: Draw.Columns, _ ring: StepRing, mass: Double) {
    let ahead = 16
    for index in 0..<min(ahead, selection.count) { prefetchLine(records + Int(selection.slots[index])) }
    for index in 0..<selection.count {
      if index + ahead < selection.count { prefetchLine(records + Int(selection.slots[index + ahead])) }
      let slot = Int(selection.slots[index])
      let record = records[slot]
      let row = first + index
      columns.keys[row] = ring.position(inSlot: slot)
      columns.priorities[row] = record.priority
      columns.spans[row] = record.span
      columns.probabilities[row] = Float(Double(columns.probabilities[row]) / mass)
      didSample(slot)
    }
  }
}
