// The published examples of the messages that carry payloads.

import Experience
import TestSupport
import Testing
import Wire

extension Golden {
  /// Steps 0–2 of stream 0, an episode that terminates, and step 7 of stream 1 after a cut. Two
  /// items of stream 0.
  static let inserts: [GoldenFrame] = [
    GoldenFrame("insert", .insert) { writer in
      Insert.begin(writer, sequence: 42, chunks: 2)
      chunk(writer, episodeHeader, rows: 3, flags: [1, 0, 6])
      chunk(writer, cutHeader, rows: 1, flags: [0])
      items(writer, priorities: [0.5, 2])
    } check: { cursor in
      try checkInsert(&cursor, sequence: 42, chunks: 2, priorities: [0.5, 2])
    },
    GoldenFrame("insert-items-only", .insert) { writer in
      Insert.begin(writer, sequence: 43, chunks: 0)
      items(writer, priorities: nil)
    } check: { cursor in
      try checkInsert(&cursor, sequence: 43, chunks: 0, priorities: nil)
    },
    GoldenFrame("acknowledgement", .acknowledgement, Acknowledgement(committed: 42, gap: false)),
    GoldenFrame("acknowledgement-gap", .acknowledgement, Acknowledgement(committed: 300, gap: true)),
  ]

  static let episodeHeader = ChunkHeader(stream: 0, firstIndex: 0, count: 3, weightsVersion: 7)
  static let cutHeader = ChunkHeader(stream: 1, firstIndex: 7, count: 1, weightsVersion: 7, isCut: true)

  static func columns(rows: Int, flags: [UInt8]) -> [[UInt8]] {
    [
      payload((0..<rows * 4).map { Float($0) / 4 }), payload((0..<rows).map { Int32($0 % 2) }),
      payload((0..<rows).map { Float($0 + 1) }), flags,
    ]
  }

  private static func chunk(_ writer: FrameWriter, _ header: ChunkHeader, rows: Int, flags: [UInt8]) {
    withViews(columns(rows: rows, flags: flags)) { Insert.chunk(writer, header, columns: $0) }
  }

  private static func items(_ writer: FrameWriter, priorities: [Float]?) {
    let columns = [payload([0, 0] as [UInt32]), payload([0, 1] as [UInt64]), payload([3, 2] as [UInt32])]
    withViews(columns + (priorities.map { [payload($0)] } ?? [])) { views in
      let block = ItemBlock(
        table: 0, count: 2, streams: views[0], firstIndices: views[1], spans: views[2],
        priorities: views.count > 3 ? views[3] : nil)
      Insert.items(writer, [block])
    }
  }

  private static func checkInsert(
    _ cursor: inout FrameCursor, sequence: UInt64, chunks: Int, priorities: [Float]?
  ) throws {
    #expect(try Insert.sequence(from: &cursor) == sequence)
    try checkContent(&cursor, chunks: chunks, priorities: priorities)
  }

  private static func checkContent(_ cursor: inout FrameCursor, chunks: Int, priorities: [Float]?) throws {
    var insertion = Insertion(columnsPerChunk: schema.columnCount)
    try Insert.content(
      from: &cursor, schema: schema, rowBytes: schema.fields.map(\.byteCount) + [1], into: &insertion)
    #expect(insertion.chunks == Array([episodeHeader, cutHeader].prefix(chunks)))
    let expected = columns(rows: 3, flags: [1, 0, 6]) + columns(rows: 1, flags: [0])
    #expect(insertion.columns.map(Array.init) == Array(expected.prefix(4 * chunks)))
    try #require(insertion.items.count == 1)
    let block = insertion.items[0]
    #expect(block.table == 0)
    #expect(
      (0..<block.count).map { block[$0] } == [
        Item(stream: 0, firstIndex: 0, count: 3, priority: priorities?[0]),
        Item(stream: 0, firstIndex: 1, count: 2, priority: priorities?[1]),
      ])
  }
}

extension Golden {
  private static let accepted = Accepted(
    number: 5, time: 1_700_000_000_000_000_000, writer: writer.publicName, label: "actor-1",
    priorities: [2.5])

  private static func tap(_ schema: StepSchema?, next: UInt64) -> Tap {
    Tap(
      incarnation: service, shard: 1, time: 1_700_000_000_000_000_000, next: next, schema: schema,
      tables: [table], configuration: "seed: 1\n")
  }

  /// Of a shard with 4 messages, and of one that knows no schema yet. The INSERT above, accepted.
  static let taps: [GoldenFrame] = [
    GoldenFrame("tap", .tap, tap(schema, next: 5)),
    GoldenFrame("tap-first", .tap, tap(nil, next: 1)),
    GoldenFrame("accepted", .accepted) { writer in
      // Chunks and items are the bytes of the INSERT: its payloads stand where they happen to.
      let insert = FrameWriter()
      Insert.begin(insert, sequence: 42, chunks: 2)
      chunk(insert, episodeHeader, rows: 3, flags: [1, 0, 6])
      chunk(insert, cutHeader, rows: 1, flags: [0])
      items(insert, priorities: [0.5, 2])
      var cursor = FrameCursor(insert.bytes)
      _ = try? cursor.openMessage()
      _ = try? Insert.sequence(from: &cursor)
      accepted.encode(
        into: writer, incarnation: service,
        content: UnsafeRawBufferPointer(rebasing: insert.bytes[cursor.offset...]))
    } check: { cursor in
      #expect(try cursor.identifier("the incarnation") == service)
      #expect(try Accepted(elementsFrom: &cursor) == accepted)
      try checkContent(&cursor, chunks: 2, priorities: [0.5, 2])
    },
  ]
}

extension Golden {
  /// A batch of three rows in two parts.
  static let samples: [GoldenFrame] = [
    GoldenFrame("sample-request", .sampleRequest, SampleRequest(request: 9, table: 0, count: 3)),
    batch("batch-part-0", part: 0, firstRow: 0, rows: 2),
    batch("batch-part-1", part: 1, firstRow: 2, rows: 1),
    sequences,
    GoldenFrame("priorities", .priorities) { writer in
      withViews(priorityPayloads) {
        PriorityUpdate(table: 0, keys: $0[0], priorities: $0[1]).encode(into: writer)
      }
    } check: { cursor in
      let update = try PriorityUpdate(from: &cursor)
      #expect(update.table == 0 && update.count == 3)
      #expect([update.keys, update.priorities].map(Array.init) == priorityPayloads)
    },
  ]

  private static let priorityPayloads = [
    payload([1000, 1001, 1 << 40] as [UInt64]), payload([0.25, 1.5, 0] as [Float]),
  ]

  /// Rows `rows` of the batch, a payload a column: keys, probabilities, versions, then the fields.
  private static func batchPayloads(_ rows: Range<Int>) -> [[UInt8]] {
    let observations = rows.flatMap { row in (0..<4).map { Float(row * 4 + $0) } }
    return [
      payload(rows.map { UInt64(1000 + $0) }), payload(rows.map { Float($0 + 1) / 8 }),
      payload(rows.map { UInt64(5 + $0) }), payload(observations), payload(rows.map { Int32($0 % 2) }),
      payload(rows.map { Float($0) - 1 }), payload(rows.map { _ in Float(0.125) }),
      payload(observations.map { $0 + 100 }),
    ]
  }

  private static func batch(_ name: String, part: Int, firstRow: Int, rows: Int) -> GoldenFrame {
    let header = BatchHeader(
      request: 9, draw: 77, part: part, parts: 2, firstRow: firstRow, rows: rows, batchRows: 3, mass: 6.5,
      itemCount: 5000)
    return batch(name, header, table: table, batchPayloads(firstRow..<firstRow + rows))
  }

  private static func batch(
    _ name: String, _ header: BatchHeader, table: TableSchema, _ payloads: [[UInt8]]
  ) -> GoldenFrame {
    let fields = table.batchFields(of: schema)
    return GoldenFrame(name, .batch) { writer in
      let places = Batch.reserve(writer, header, fields: fields)
      let offsets = [places.keys, places.probabilities, places.versions] + places.columns
      for (offset, bytes) in zip(offsets, payloads) {
        writer.pointer(at: offset).copyMemory(from: bytes, byteCount: bytes.count)
      }
    } check: { cursor in
      let batch = try Batch(from: &cursor)
      #expect(batch.header == header)
      #expect(batch.fields == fields)
      let views = [batch.keys, batch.probabilities, batch.versions] + batch.columns
      #expect(views.map(Array.init) == payloads)
    }
  }
}

extension Golden {
  /// Two padded sequences of three steps: an episode's first three, and its last two.
  private static let sequences: GoldenFrame = {
    let header = BatchHeader(
      request: 10, draw: 78, part: 0, parts: 1, firstRow: 0, rows: 2, batchRows: 2, mass: 2, itemCount: 2)
    let observations = (0..<12).map(Float.init) + (8..<16).map(Float.init) + [0, 0, 0, 0]
    return batch(
      "batch-sequence", header, table: tables[2],
      [
        payload([1000, 1002] as [UInt64]), payload([0.5, 0.5] as [Float]), payload([7, 8] as [UInt64]),
        payload(observations), payload([0, 1, 0, 0, 1, 0] as [Int32]),
        payload([1, 2, 3, 3, 0, 0] as [Float]), [1, 0, 0, 0, 6, 0], payload([3, 2] as [Int32]),
      ])
  }()
}

extension Golden {
  static let values = payload([0.5, -0.5, 1, -1, 0.25, 0, 2, -2, 3] as [Float])

  static let delta = GoldenFrame("delta", .delta) { writer in
    values.withUnsafeBytes {
      Delta(
        id: learner, sequence: 3, baseVersion: 7, updates: 10, transitions: 640, oldestUpdate: 1_000_000_000,
        newestUpdate: 1_020_000_000, values: $0
      ).encode(into: writer)
    }
  } check: { cursor in
    let delta = try Delta(from: &cursor)
    #expect(delta.id == learner && delta.sequence == 3 && delta.baseVersion == 7)
    #expect(delta.updates == 10 && delta.transitions == 640 && !delta.restores)
    #expect(delta.oldestUpdate == 1_000_000_000 && delta.newestUpdate == 1_020_000_000)
    #expect(Array(delta.values) == values)
  }

  static let gradient = GoldenFrame("gradient", .gradient) { writer in
    values.withUnsafeBytes {
      Gradient(
        id: learner, sequence: 3, incarnation: service, base: 79, rows: 64, weightMax: 12.5,
        madeAt: 1_020_000_000, values: $0
      ).encode(into: writer)
    }
  } check: { cursor in
    let gradient = try Gradient(from: &cursor)
    #expect(gradient.id == learner && gradient.sequence == 3 && gradient.incarnation == service)
    #expect(gradient.base == 79 && gradient.rows == 64 && gradient.weightMax == 12.5)
    #expect(gradient.madeAt == 1_020_000_000 && Array(gradient.values) == values)
  }

  static let updated = GoldenFrame("updated", .updated) { writer in
    values.withUnsafeBytes {
      Updated(
        incarnation: service, sequence: 3, outcome: .applied, staleness: 1, version: 8, updates: 81,
        clock: 61.5,
        envSteps: 4096, values: $0
      ).encode(into: writer)
    }
  } check: { cursor in
    let updated = try Updated(from: &cursor)
    #expect(updated.incarnation == service && updated.sequence == 3 && updated.outcome == .applied)
    #expect(updated.staleness == 1 && updated.version == 8 && updated.updates == 81)
    #expect(updated.clock == 61.5 && updated.envSteps == 4096 && Array(updated.values) == values)
  }

  static let weights = GoldenFrame("weights", .weights) { writer in
    values.withUnsafeBytes {
      Weights(
        topic: Weights.topicAll, version: 8, incarnation: service, updates: 80, clock: 61.5, envSteps: 4096,
        milestone: 7,
        oldestUpdate: 1_000_000_000, newestUpdate: 1_020_000_000,
        merged: [Merged(learner: learner.publicName, sequence: 3)],
        manifest: manifest,
        values: $0
      ).encode(into: writer)
    }
  } check: { cursor in
    let weights = try Weights(from: &cursor)
    #expect(weights.topic == "all" && weights.version == 8 && weights.updates == 80)
    #expect(
      weights.clock == 61.5 && weights.envSteps == 4096 && weights.milestone == 7 && !weights.isMilestone)
    #expect(weights.incarnation == service)
    #expect(weights.oldestUpdate == 1_000_000_000 && weights.newestUpdate == 1_020_000_000)
    #expect(weights.merged == [Merged(learner: learner.publicName, sequence: 3)])
    #expect(weights.manifest == manifest)
    #expect(Array(weights.values) == values)
  }
}
