// Why a table holds inserts back.

internal import Experience

/// A queue (fifo, `max_times_sampled` 1) holds inserts back rather than lose an unread item, by
/// `itemsMax` or by eviction.
///
/// It does so only while a batch of the largest size could be drawn, so inserts and samples never
/// both wait. With fewer items (if few of the ring's steps start items of this table) nothing could
/// read them, so the oldest items are evicted and counted in `itemsEvictedUnsampled`.
extension Table {
  /// The limiter's inequality that holds back `count` items; nil if it admits them. The limiter is
  /// not asked while the items have too few samples left for the largest batch: as below `minSize`,
  /// nothing can be sampled then, so holding inserts back could only block both sides.
  func reasonLimited(_ count: Int) -> String? {
    if configuration.timesSampledMax > 0, samplesLeft < configuration.batchSizeMax { return nil }
    return limiter.reasonInsertBlocked(count, size: size)
  }

  /// Why `count` more items must wait for a reader; nil if they need not.
  func reasonFull(_ count: Int) -> String? {
    guard configuration.isQueue, count > 0, let itemsMax = configuration.itemsMax,
      size + count > itemsMax, canServeBatch
    else { return nil }
    return
      "insert of \(count): size \(size) + \(count) > \(itemsMax) (max_items), and they are unread (the table is a queue)"
  }

  /// Why a message of `steps` steps must wait for a reader; nil if it need not. O(chunks that it
  /// evicts).
  func reasonUnread(inserting steps: Int, _ ring: StepRing) -> String? {
    guard configuration.isQueue, ring.count + steps > ring.room, size > 0, canServeBatch else {
      return nil
    }
    let tail = ring.tail(afterInserting: steps)
    let oldest = ring.position(inSlot: slots.first(from: ring.oldestSlot))
    guard oldest < tail || losesStacks(until: tail, ring) else { return nil }
    return
      "insert of \(steps) steps: it would evict the oldest of \(size) unread items (the table is a queue)"
  }

  /// Whether an item would be removed because a frame of its stack lies below `tail`. O(evicted
  /// chunks · frames of a stack).
  private func losesStacks(until tail: UInt64, _ ring: StepRing) -> Bool {
    guard ring.layout.history > 0 else { return false }
    var isLost = false
    var number = ring.directory.front
    while number < ring.directory.end, ring.directory[number].position < tail {
      ring.forEachLosingFrame(of: number, before: ring.directory.end) { slot in
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
