// Priorities on their way back to the shards.

/// Raw priorities of items that one shard drew, with their keys.
struct ItemPriorities {
  var count: Int
  var keys: UnsafePointer<UInt64>
  var values: UnsafePointer<Float>
}

extension SampledBatch {
  /// Calls `body` with the priorities of a slice's rows. They are not copied, unless the rows are
  /// dealt out to several batches or some priorities are NaN: those are left out.
  /// - Parameter priorities: one for each row of the batch.
  func withPriorities(
    of slice: BatchSlice, from priorities: UnsafePointer<Float>, _ body: (ItemPriorities) -> Void
  ) {
    let rows = slice.firstRow..<slice.firstRow + slice.count
    // With a single slice it does not matter which row is whose.
    let areTogether = slices.count == 1 || batches == 1
    if areTogether, !rows.contains(where: { priorities[$0].isNaN }) {
      return body(
        ItemPriorities(count: rows.count, keys: keys + slice.firstRow, values: priorities + slice.firstRow))
    }
    let kept = (areTogether ? Array(rows) : rows.map(index(ofDrawn:))).filter { !priorities[$0].isNaN }
    guard !kept.isEmpty else { return }
    let (someKeys, some) = (kept.map { keys[$0] }, kept.map { priorities[$0] })
    someKeys.withUnsafeBufferPointer { keys in
      some.withUnsafeBufferPointer {
        body(ItemPriorities(count: kept.count, keys: keys.baseAddress!, values: $0.baseAddress!))
      }
    }
  }
}
