// Items that wait for a message.

/// Items of one table, column by column, in memory that is reused.
public struct ItemColumns: Sendable {
  @usableFromInline var streams: [UInt32] = []
  @usableFromInline var firstIndices: [UInt64] = []
  @usableFromInline var spans: [UInt32] = []
  /// One for each item, or none: then all take the largest of the table.
  @usableFromInline var priorities: [Float] = []

  public init() {}

  /// Items held.
  public var count: Int { streams.count }

  /// Appends an item without a priority. Either all items have one, or none has.
  @inlinable
  public mutating func append(_ stream: Int, first: UInt64, span: Int) {
    streams.append(UInt32(stream))
    firstIndices.append(first)
    spans.append(UInt32(span))
  }

  /// Appends an item with its raw priority.
  @inlinable
  public mutating func append(_ stream: Int, first: UInt64, span: Int, priority: Float) {
    append(stream, first: first, span: span)
    priorities.append(priority)
  }

  /// Appends an item. Either all items have a priority, or none has.
  public mutating func append(_ item: Item) {
    append(Int(item.stream), first: item.firstIndex, span: item.count)
    if let priority = item.priority { priorities.append(priority) }
  }

  /// Removes the items whose last step is at `index` or later, as that step will not be sent.
  public mutating func drop(from index: UInt64) {
    keep(firstIndices.indices.filter { firstIndices[$0] + UInt64(spans[$0]) <= index })
  }

  /// Removes the items that start before `index`, as an earlier step is lost.
  public mutating func cut(at index: UInt64) {
    keep(firstIndices.indices.filter { firstIndices[$0] >= index })
  }

  /// Removes the item at an index.
  public mutating func remove(at index: Int) { keep(streams.indices.filter { $0 != index }) }

  private mutating func keep(_ kept: [Int]) {
    streams = kept.map { streams[$0] }
    spans = kept.map { spans[$0] }
    if !priorities.isEmpty { priorities = kept.map { priorities[$0] } }
    firstIndices = kept.map { firstIndices[$0] }
  }

  /// Empties it and keeps its memory.
  public mutating func removeAll() {
    streams.removeAll(keepingCapacity: true)
    firstIndices.removeAll(keepingCapacity: true)
    spans.removeAll(keepingCapacity: true)
    priorities.removeAll(keepingCapacity: true)
  }

  /// Calls `body` with the items as one block of a table: a view that is valid only during the
  /// call.
  public func withBlock<Failure>(table: Int, _ body: (ItemBlock) throws(Failure) -> Void) throws(Failure) {
    try streams.withUnsafeBufferPointer { streams throws(Failure) in
      try firstIndices.withUnsafeBufferPointer { firstIndices throws(Failure) in
        try spans.withUnsafeBufferPointer { spans throws(Failure) in
          try priorities.withUnsafeBufferPointer { priorities throws(Failure) in
            try body(
              ItemBlock(
                table: table, count: spans.count, streams: UnsafeRawBufferPointer(streams),
                firstIndices: UnsafeRawBufferPointer(firstIndices), spans: UnsafeRawBufferPointer(spans),
                priorities: priorities.isEmpty ? nil : UnsafeRawBufferPointer(priorities)))
          }
        }
      }
    }
  }
}
