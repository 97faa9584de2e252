// Samples batches and updates priorities.

internal import Experience
public import Foundations

extension ReplayStore {
  /// Whether a batch of `count` items may be drawn from a table now.
  public func canSample(table: Int, count: Int) -> Bool {
    guard tables.indices.contains(table) else { return false }
    let table = tables[table]
    return table.limiter.canSample(count, size: table.size)
      && (table.configuration.timesSampledMax == 0 || table.samplesLeft >= count)
  }

  /// The inequality that holds back a batch of `count` items from a table; nil if none does. Before
  /// `adopt` there is no table, and the batch is held back too.
  public func reasonSampleBlocked(table: Int, count: Int) -> String? {
    guard tables.indices.contains(table) else {
      return "table \(table): there is no such table, or no schema yet"
    }
    let table = tables[table]
    let name = table.configuration.schema.name
    if let reason = table.limiter.reasonSampleBlocked(count, size: table.size) {
      return "table '\(name)': \(reason)"
    }
    if table.configuration.timesSampledMax > 0, table.samplesLeft < count {
      return "table '\(name)': sample of \(count): \(table.samplesLeft) samples left < \(count) "
        + "(max_times_sampled \(table.configuration.timesSampledMax))"
    }
    return nil
  }

  /// Sets what other shards hold of a table, which its limiter counts as its own. Without
  /// `countsFlow` it counts only their number of items, not their inserts and samples. Has no
  /// effect before `adopt`; repeat it then.
  public func setRemote(_ remote: RemoteItems, countsFlow: Bool, table: Int) {
    guard tables.indices.contains(table) else { return }
    tables[table].limiter.remote = countsFlow ? remote : RemoteItems(size: remote.size)
  }

  /// Sets the error of a table's limiter to one that other shards have counted.
  public func setLimiterError(_ error: Double, table: Int) {
    guard tables.indices.contains(table) else { return }
    tables[table].limiter.set(error: error)
  }

  /// Draws `count` items of a table, with replacement, into `draw`. Random samplers draw
  /// stratified: draw i is from the i-th of `count` equal parts of the mass. O(count · log₈
  /// capacity).
  ///
  /// With `timesSampledMax` the draws are made one by one, because each may remove its item;
  /// `draw.mass` is then that of the first. Throws `request` for an invalid table or count, and
  /// `blocked` while the table does not admit the batch.
  public func sample(table index: Int, count: Int, generator: inout SeededGenerator, into draw: inout Draw)
    throws(ReplayStoreError)
  {
    let table = try self.table(index)
    let most = table.configuration.batchSizeMax
    guard count >= 1, count <= most else { throw .request("count: expected 1 to \(most), found \(count)") }
    if let reason = reasonSampleBlocked(table: index, count: count) {
      throw .blocked(table: index, reason: reason)
    }
    draw.table = index
    table.sample(count, ring: ring!, generator: &generator, into: &draw)
    if unverified != nil { try verify(&draw, table, generator: &generator) }
  }

  /// Sets new raw priorities of items: `keys` are uint64, `priorities` float32, little-endian, of
  /// any alignment. If a key occurs twice, the last priority wins. Keys of items that are gone are
  /// counted and ignored. O(keys · log₈ capacity).
  ///
  /// Throws `request`, before anything has changed, if the columns differ in length or a priority
  /// is NaN, infinite or negative.
  public func updatePriorities(
    table index: Int, keys: UnsafeRawBufferPointer, priorities: UnsafeRawBufferPointer
  )
    throws(ReplayStoreError) -> (applied: Int, gone: Int)
  {
    let table = try self.table(index)
    let count = keys.count / 8
    guard keys.count == count * 8, priorities.count == count * 4 else {
      throw .request(
        "priorities: expected 8 bytes a key and 4 a priority, found \(keys.count) and \(priorities.count)")
    }
    if let problem = Self.problem(ofPriorities: priorities) { throw .request(problem) }
    var applied = 0
    var first = 0
    while first < count {
      let size = min(Self.updateBlock, count - first)
      applied += update(
        table, keys.baseAddress! + first * 8, priorities.baseAddress! + first * 4, count: size)
      first += size
    }
    table.counters.updatesGone &+= UInt64(count - applied)
    return (applied, count - applied)
  }

  /// Keys resolved at a time, so that the temporary columns stay in the first-level cache.
  private static let updateBlock = 512

  private static func problem(ofPriorities priorities: UnsafeRawBufferPointer) -> String? {
    for index in 0..<priorities.count / 4 {
      let value = priority(priorities.baseAddress!, index)
      if !(value >= 0 && value <= .greatestFiniteMagnitude) {
        return "priority \(index): expected a finite number of at least 0, found \(value)"
      }
    }
    return nil
  }

  @inline(__always)
  private static func priority(_ base: UnsafeRawPointer, _ index: Int) -> Float {
    Float(bitPattern: UInt32(littleEndian: base.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self)))
  }

  /// Returns how many of the keys are items.
  private func update(_ table: Table, _ keys: UnsafeRawPointer, _ priorities: UnsafeRawPointer, count: Int)
    -> Int
  {
    let ring = ring!
    return withUnsafeTemporaryAllocation(of: UInt32.self, capacity: count) { slots in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: count) { values in
        var applied = 0
        for index in 0..<count {
          let key = UInt64(littleEndian: keys.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self))
          guard ring.isLive(key) else { continue }
          let slot = ring.slot(key)
          guard table.records[slot].isItem else { continue }
          slots[applied] = UInt32(slot)
          values[applied] = Self.priority(priorities, index)
          applied += 1
        }
        if applied > 0 { table.update(slots.baseAddress!, values.baseAddress!, count: applied) }
        return applied
      }
    }
  }
}
