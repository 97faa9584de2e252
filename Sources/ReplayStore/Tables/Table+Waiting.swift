// What keeps inserts waiting.

internal import Experience

/// A consume-once table holds inserts back rather than lose an item that nobody has read, by `itemsMax` or with its step.
///
/// It does so only while a largest batch could be drawn, so inserts and samples never wait for each other: with fewer items
/// nobody could read what the insert would push out. Then (a ring full of steps that start no item here) the oldest go, and are
/// counted among `itemsEvictedUnsampled`.
extension Table {
  /// The limiter's inequality that keeps `count` items out, or nil. Where items have too few samples left for a largest batch it is not
  /// asked: as below `minSize`, nothing can be sampled then, so holding inserts back could only lock both sides.
  func reasonLimited(_ count: Int) -> String? {
    if configuration.timesSampledMax > 0, samplesLeft < configuration.batchSizeMax { return nil }
    return limiter.reasonInsertBlocked(count, size: size)
  }

  /// Why `count` more items must wait for a reader, or nil.
  func reasonFull(_ count: Int) -> String? {
    guard configuration.isConsumeOnce, count > 0, let itemsMax = configuration.itemsMax,
      size + count > itemsMax, canServeBatch
    else { return nil }
    return
      "insert of \(count): size \(size) + \(count) > \(itemsMax) (itemsMax), and nobody has read them (consume once)"
  }

  /// Why a message of `steps` steps must wait for a reader, or nil. O(chunks that would go).
  func reasonUnread(inserting steps: Int, _ ring: StepRing) -> String? {
    guard configuration.isConsumeOnce, ring.count + steps > ring.room, size > 0, canServeBatch else {
      return nil
    }
    let tail = ring.tail(afterInserting: steps)
    let oldest = ring.position(inSlot: slots.first(from: ring.oldestSlot))
    guard oldest < tail || losesStacks(until: tail, ring) else { return nil }
    return
      "insert of \(steps) steps: it would push out the oldest of \(size) items that nobody has read (consume once)"
  }

  /// Whether an item goes as its stacks lose a frame below `tail`. O(chunks that go · frames of a stack).
  private func losesStacks(until tail: UInt64, _ ring: StepRing) -> Bool {
    guard ring.layout.history > 0 else { return false }
    var isLost = false
    var number = ring.directory.front
    while number < ring.directory.end, ring.directory[number].position < tail {
      ring.forEachBereaved(of: number, before: ring.directory.end) { slot in
        if slots.contains(slot) { isLost = true }
      }
      number += 1
    }
    return isLost
  }

  private var canServeBatch: Bool {
    limiter.canSample(configuration.batchSizeMax, size: size) && samplesLeft >= configuration.batchSizeMax
  }
}
