// Items in the order of the weights that made them.

internal import Experience

extension Table {
  /// The version of the weights that chose an item's first action that is trained on.
  func weightsVersion(ofItemAt slot: Int, _ ring: StepRing) -> UInt64 {
    let steps = min(configuration.staleness?.contextSteps ?? 0, Int(records[slot].span) - 1)
    var cursor = StepCursor(ring, position: ring.position(inSlot: slot))
    for _ in 0..<steps { cursor.advance(ring) }
    return ring.directory[ring.directory.number(of: ring.references[cursor.slot])].weightsVersion
  }

  /// Takes the items of the oldest weights, and of them the oldest: each once. A queue under a
  /// bound on staleness is short, so a sort of all items costs less than keeping their order. O(n
  /// log n). Returns the mass.
  func selectOldestWeights(_ count: Int, _ columns: Draw.Columns, _ ring: StepRing) -> Double {
    var items: [(version: UInt64, position: UInt64)] = []
    items.reserveCapacity(size)
    slots.forEach { slot in
      items.append((weightsVersion(ofItemAt: slot, ring), ring.position(inSlot: slot)))
    }
    items.sort { $0 < $1 }
    let mass = Double(size)
    let selection = Selection(slots: columns.slots, weights: columns.probabilities, count: count)
    for index in 0..<count {
      _ = selection.draw(index).fill(ring.slot(items[index].position), mass: mass)
    }
    take(selection, 0, columns, ring, mass: mass)
    return mass
  }

  /// Removes the items that are too old for weights of a version; returns how many, by writer.
  /// O(n).
  func removeOutdated(_ bound: StalenessBound, at version: UInt64, _ ring: StepRing) -> [Int: Int] {
    var outdated: [Int] = []
    slots.forEach { slot in
      if bound.isExceeded(by: weightsVersion(ofItemAt: slot, ring), at: version) { outdated.append(slot) }
    }
    guard !outdated.isEmpty else { return [:] }
    let left = samplesLeft
    var writers: [Int: Int] = [:]
    for slot in outdated {
      writers[ring.writer(ofChunk: ring.directory.number(of: ring.references[slot])), default: 0] += 1
      remove(slot)
    }
    didLose(samples: left - samplesLeft)
    counters.outdated &+= UInt64(outdated.count)
    saveMark()
    return writers
  }
}
