// Views of one message's chunks and items.

import Experience
import Testing

@Suite struct InsertionTests {
  /// Item columns at any address: received frames are not aligned.
  @Test(arguments: 0..<8) func itemsAreReadUnaligned(shift: Int) {
    let items = [
      Item(stream: 7, firstIndex: 1 << 40 + 3, count: 4, priority: 0.5),
      Item(stream: .max, firstIndex: .max, count: Int(UInt32.max), priority: -0.0),
      Item(stream: 0, firstIndex: 0, count: 0, priority: .infinity),
    ]
    let pad = [UInt8](repeating: 0xEE, count: shift)
    let streams = pad + items.flatMap { bytes($0.stream) }
    let indices = pad + items.flatMap { bytes($0.firstIndex) }
    let spans = pad + items.flatMap { bytes(UInt32($0.count)) }
    let priorities = pad + items.flatMap { bytes($0.priority!.bitPattern) }
    streams.withUnsafeBytes { streams in
      indices.withUnsafeBytes { indices in
        spans.withUnsafeBytes { spans in
          priorities.withUnsafeBytes { priorities in
            func view(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
              UnsafeRawBufferPointer(rebasing: bytes[shift...])
            }
            var block = ItemBlock(
              table: 2, count: 3, streams: view(streams), firstIndices: view(indices), spans: view(spans),
              priorities: view(priorities))
            #expect((0..<3).map { block[$0] } == items)
            block.priorities = nil
            #expect((0..<3).allSatisfy { block[$0].priority == nil })
          }
        }
      }
    }
  }

  private func bytes<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }

  @Test func countsAndColumns() {
    let payloads: [[UInt8]] = [[1], [2], [3], [4]]
    payloads.withUnsafeViews { views in
      var insertion = Insertion(columnsPerChunk: 2)
      insertion.chunks = [
        ChunkHeader(stream: 0, firstIndex: 0, count: 3, weightsVersion: 1),
        ChunkHeader(stream: 1, firstIndex: 9, count: 4, weightsVersion: 1, isCut: true),
      ]
      insertion.columns = views
      let empty = UnsafeRawBufferPointer(start: nil, count: 0)
      insertion.items = [5, 6].map {
        ItemBlock(
          table: 0, count: $0, streams: empty, firstIndices: empty, spans: empty, priorities: nil)
      }
      #expect(insertion.stepCount == 7)
      #expect(insertion.itemCount == 11)
      #expect(insertion.column(0, ofChunk: 0)[0] == 1)
      #expect(insertion.column(1, ofChunk: 0)[0] == 2)
      #expect(insertion.column(0, ofChunk: 1)[0] == 3)
      #expect(insertion.column(1, ofChunk: 1)[0] == 4)
      insertion.removeAll()
      #expect(insertion.chunks.isEmpty && insertion.columns.isEmpty && insertion.items.isEmpty)
      #expect((insertion.stepCount, insertion.itemCount, insertion.columnsPerChunk) == (0, 0, 2))
    }
  }
}

extension [[UInt8]] {
  /// Views of all elements at once.
  fileprivate func withUnsafeViews(_ body: ([UnsafeRawBufferPointer]) -> Void) {
    func next(_ views: [UnsafeRawBufferPointer]) {
      guard views.count < count else { return body(views) }
      self[views.count].withUnsafeBytes { next(views + [$0]) }
    }
    next([])
  }
}
