// Items on their way into a message.

/// Items of one table, column by column, in memory that is used again.
public struct ItemColumns: Sendable {
  @usableFromInline var streams: [UInt32] = []
  @usableFromInline var firstIndices: [UInt64] = []
  @usableFromInline var spans: [UInt32] = []
  /// One each, or none: then they take the table's largest.
  @usableFromInline var priorities: [Float] = []

  public init() {}

  public var count: Int { streams.count }

  @inlinable
  public mutating func append(_ stream: Int, first: UInt64, span: Int) {
    streams.append(UInt32(stream))
    firstIndices.append(first)
    spans.append(UInt32(span))
  }

  @inlinable
  public mutating func append(_ stream: Int, first: UInt64, span: Int, priority: Float) {
    append(stream, first: first, span: span)
    priorities.append(priority)
  }

  /// Removes the items that end with the row at `index` or later: it will not be sent.
  public mutating func drop(from index: UInt64) {
    keep(firstIndices.indices.filter { firstIndices[$0] + UInt64(spans[$0]) <= index })
  }

  /// Removes those that start before the row at `index`: what came before it is lost.
  public mutating func cut(at index: UInt64) {
    keep(firstIndices.indices.filter { firstIndices[$0] >= index })
  }

  /// Removes one of them.
  public mutating func remove(at index: Int) { keep(streams.indices.filter { $0 != index }) }

  private mutating func keep(_ kept: [Int]) {
    streams = kept.map { streams[$0] }
    spans = kept.map { spans[$0] }
    if !priorities.isEmpty { priorities = kept.map { priorities[$0] } }
    firstIndices = kept.map { firstIndices[$0] }
  }

  /// Empties them but keeps their memory.
  public mutating func removeAll() {
    streams.removeAll(keepingCapacity: true)
    firstIndices.removeAll(keepingCapacity: true)
    spans.removeAll(keepingCapacity: true)
    priorities.removeAll(keepingCapacity: true)
  }

  /// Calls with the items as one block of a table, a view that is valid only meanwhile.
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
