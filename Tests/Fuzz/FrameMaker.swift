// Makes frames of the replay's peers from a fuzzer's bytes.

import Experience
import Foundations
import ReplayStore
import Wire

/// Makes well-formed frames that mostly name things that exist.
struct FrameMaker {
  private let schema: StepSchema
  private let tables: [TableSchema]
  private let writer = FrameWriter()
  /// By writer.
  static let streams: UInt32 = 3

  init(_ variant: ReplayVariant) {
    schema = variant.schema
    tables = variant.store().tables.map(\.schema)
  }

  static func id(_ number: UInt64) -> Identifier { Identifier(high: number, low: ~number) }

  func writerHello(_ source: inout ByteSource, peer: Int) -> [UInt8] {
    var fields = schema
    if source.rarely(16) { fields.fields[source.below(fields.fields.count)].shape.append(source.below(4)) }
    if source.rarely(16) { fields.fields.append(Field("more", .float32)) }
    Hello(
      role: .writer, id: id(&source, peer), label: "w\(peer)", nextSequence: source.near(1),
      schema: source.rarely(16) ? nil : fields, tables: source.rarely(16) ? [] : tables
    ).encode(into: writer)
    return writer.array()
  }

  func samplerHello(_ source: inout ByteSource, peer: Int) -> [UInt8] {
    Hello(
      role: .sampler, id: id(&source, peer + 10), label: "s", nextSequence: 0, schema: nil,
      tables: source.rarely(16) ? [] : tables
    ).encode(into: writer)
    return writer.array()
  }

  /// Mostly the peer's, else another's.
  private func id(_ source: inout ByteSource, _ peer: Int) -> Identifier {
    Self.id(UInt64(source.rarely(8) ? source.below(4) : peer))
  }

  func sampleRequest(_ source: inout ByteSource) -> [UInt8] {
    sampleRequest(UInt64(source.byte()), table: source.below(tables.count + 1) % 16, count: source.below(6))
  }

  func sampleRequest(_ request: UInt64, table: Int, count: Int) -> [UInt8] {
    SampleRequest(request: request, table: table, count: count).encode(into: writer)
    return writer.array()
  }

  /// Priorities for keys near the newest.
  func priorities(_ source: inout ByteSource, head: UInt64) -> [UInt8] {
    let table = source.below(tables.count)
    let count = source.below(6)
    let keys = (0..<count).map { _ in source.near(head &- UInt64(source.below(ReplayVariant.capacity + 4))) }
    let values = (0..<count).map { _ in source.float() }
    keys.withUnsafeBytes { keys in
      values.withUnsafeBytes { PriorityUpdate(table: table, keys: keys, priorities: $0).encode(into: writer) }
    }
    return writer.array()
  }

  func limits(_ source: inout ByteSource) -> [UInt8] {
    var request = LimitsRequest(table: source.rarely(4) ? nil : tables[source.below(tables.count)].name)
    if source.rarely(2) { request.samplesPerInsert = source.double() }
    if source.rarely(2) { request.minSize = source.number() % (Limits.number + 1) }
    if source.rarely(2) { request.errorMin = source.double() }
    if source.rarely(2) { request.errorMax = source.double() * 8 }
    request.encode(into: writer)
    return writer.array()
  }

  func totals(_ source: inout ByteSource) -> [UInt8] {
    let incarnations = (0..<source.below(3)).map { _ in
      IncarnationTotals(
        incarnation: Self.id(UInt64(source.rarely(4) ? 99 : 50 + source.below(3))),
        inserts: source.number() % (Limits.number + 1),
        samples: source.number() % (Limits.number + 1), isWaiting: source.rarely(2))
    }
    // Beyond 10³⁰ the decoder refuses it.
    let error = source.rarely(3) ? nil : max(-1e30, min(1e30, source.double()))
    TotalsRequest(
      table: source.below(tables.count), remoteItems: source.number() % (Limits.number + 1),
      error: error.flatMap { $0.isNaN ? nil : $0 }, incarnations: incarnations
    ).encode(into: writer)
    return writer.array()
  }

  func goodbye(_ id: UInt64) -> [UInt8] {
    Goodbye(id: Self.id(id)).encode(into: writer)
    return writer.array()
  }

  /// Messages of peers that neither write nor sample.
  func question(_ source: inout ByteSource, head: UInt64) -> [UInt8] {
    switch source.below(9) {
    case 6: LearnerRequest.encode(into: writer)
    case 7:
      Progress(
        table: source.below(3), version: source.number() % (Limits.number + 1), request: source.number() % 64,
        trained: TrainedStaleness(
          rows: source.number() % (Limits.number + 1), mean: Double(source.below(8)), p99: 4,
          max: source.number() % (Limits.number + 1))
      ).encode(into: writer)
    case 8:
      StepRequest(
        number: source.number() % 64, sequence: source.number() % 64,
        steps: source.number() % (Limits.number + 1)
      ).encode(into: writer)
    case 0: HealthRequest.encode(into: writer)
    case 1: return goodbye(UInt64(source.below(4)))
    case 2: return goodbye(10 + UInt64(source.below(4)))
    case 3:
      let name = ["one", "two", ".no", "", "../no", "three"][source.below(6)]
      SnapshotRequest(
        id: Self.id(UInt64(200 + source.below(8))), verb: source.rarely(2) ? .restore : .snapshot, name: name
      ).encode(into: writer)
    default:
      InspectRequest(
        table: source.rarely(2) ? nil : tables[source.below(tables.count)].name, top: source.below(8),
        key: source.rarely(4)
          ? nil : min(Limits.number, source.near(head &- UInt64(source.below(ReplayVariant.capacity))))
      ).encode(into: writer)
    }
    return writer.array()
  }
}

extension FrameMaker {
  /// A message of up to 3 chunks and their items. `next` returns a stream's next index; `told`
  /// receives the index after this message.
  func insert(
    _ source: inout ByteSource, sequence: UInt64, next: (UInt32) -> UInt64, told: inout [UInt32: UInt64]
  ) -> [UInt8] {
    let chunks = source.below(4)
    Insert.begin(writer, sequence: sequence, chunks: chunks)
    for _ in 0..<chunks {
      let stream = UInt32(source.below(Int(Self.streams)))
      let count = 1 + source.below(source.rarely(8) ? 30 : 7)
      let first = source.near(told[stream] ?? next(stream))
      let header = ChunkHeader(
        stream: stream, firstIndex: first, count: count, weightsVersion: UInt64(source.byte()),
        isCut: source.rarely(4))
      told[stream] = first &+ UInt64(count)
      chunk(&source, header)
    }
    let blocks = source.below(tables.count + 1)
    Insert.beginItems(writer, blocks: blocks)
    for block in 0..<blocks { items(&source, table: block, next: { told[$0] ?? next($0) }) }
    return writer.array()
  }

  /// Steps of stream 0 without flags, and for each table the items that end in them.
  func plainInsert(sequence: UInt64, first: UInt64, count: Int) -> [UInt8] {
    Insert.begin(writer, sequence: sequence, chunks: 1)
    let header = ChunkHeader(stream: 0, firstIndex: first, count: count, weightsVersion: sequence)
    withViews(columns(header.count) + [[UInt8](repeating: 0, count: count)]) {
      Insert.chunk(writer, header, columns: $0)
    }
    Insert.beginItems(writer, blocks: tables.count)
    for (index, table) in tables.enumerated() {
      var items = ItemColumns()
      let span = table.kind.spans.upperBound
      for end in Int(first) + 1...Int(first) + count where end >= span {
        items.append(0, first: UInt64(end - span), span: span, priority: Float(end))
      }
      items.withBlock(table: index) { Insert.items(writer, $0) }
    }
    return writer.array()
  }

  private func columns(_ rows: Int) -> [[UInt8]] {
    schema.fields.map { field in (0..<rows * field.byteCount).map { UInt8(truncatingIfNeeded: $0 % 61) } }
  }

  private func chunk(_ source: inout ByteSource, _ header: ChunkHeader) {
    var columns = columns(header.count)
    // A value of a column, perhaps a reward.
    if source.rarely(8), let column = columns.indices.randomly(&source), columns[column].count >= 4 {
      columns[column].replaceSubrange(0..<4, with: withUnsafeBytes(of: source.float()) { Array($0) })
    }
    // One byte for two steps: most have no flags.
    columns.append(
      (0..<header.count).map { _ in [0, 0, 0, 0, 0, 1, 1, 2, 3, 6, 7, 0, 0, 0, 4, 8][source.below(16)] })
    if source.rarely(4), header.count > 0 { columns[columns.count - 1][0] = 1 }
    withViews(columns) { Insert.chunk(writer, header, columns: $0) }
  }

  private func items(_ source: inout ByteSource, table: Int, next: (UInt32) -> UInt64) {
    let count = source.below(5)
    let spans = tables[table].kind.spans
    var (streams, firsts, lengths, priorities): ([UInt32], [UInt64], [UInt32], [Float]) = ([], [], [], [])
    for _ in 0..<count {
      let stream = UInt32(source.below(Int(Self.streams)))
      let span = source.rarely(4) ? spans.lowerBound : spans.upperBound
      streams.append(stream)
      firsts.append(source.near(next(stream) &- UInt64(span) &- UInt64(source.below(6))))
      lengths.append(UInt32(truncatingIfNeeded: source.near(UInt64(span))))
      priorities.append(source.float())
    }
    let isNumbered = !source.rarely(8)
    streams.withUnsafeBytes { streams in
      firsts.withUnsafeBytes { firsts in
        lengths.withUnsafeBytes { lengths in
          priorities.withUnsafeBytes { priorities in
            Insert.items(
              writer,
              ItemBlock(
                table: isNumbered ? table : source.below(16), count: count, streams: streams,
                firstIndices: firsts,
                spans: lengths, priorities: source.rarely(3) ? nil : priorities))
          }
        }
      }
    }
  }
}

extension Range<Int> {
  /// One of the elements; nil if there is none.
  fileprivate func randomly(_ source: inout ByteSource) -> Int? {
    isEmpty ? nil : lowerBound + source.below(count)
  }
}

/// The views of several columns at once.
private func withViews(_ columns: [[UInt8]], _ body: ([UnsafeRawBufferPointer]) -> Void) {
  var views: [UnsafeRawBufferPointer] = []
  func next(_ index: Int) {
    guard index < columns.count else { return body(views) }
    columns[index].withUnsafeBytes {
      views.append($0)
      next(index + 1)
    }
  }
  next(0)
}
