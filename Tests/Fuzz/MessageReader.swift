// Reads any message, writes it, and reads it again.

import Experience
import Wire

/// Reads a frame as a service would, by its type; throws the decoder's error. A message that can be
/// read must also be written again, to bytes that read as the same message.
struct MessageReader {
  /// The schema with which INSERT is read.
  var schema: StepSchema
  private let writer = FrameWriter()

  init(schema: StepSchema) {
    self.schema = schema
  }

  func read(_ frame: UnsafeRawBufferPointer) throws(WireError) {
    var cursor = FrameCursor(frame)
    let type = try cursor.openMessage()
    switch type {
    case .hello: try value(Hello.self, &cursor)
    case .welcome: try value(Welcome.self, &cursor)
    case .insert: try view(&cursor) { cursor throws(WireError) in try insert(&cursor) }
    case .acknowledgement: try value(Acknowledgement.self, &cursor)
    case .sampleRequest: try value(SampleRequest.self, &cursor)
    case .batch:
      try view(&cursor) { cursor throws(WireError) in try batch(Batch(from: &cursor)) }
    case .priorities:
      try view(&cursor) { cursor throws(WireError) in try PriorityUpdate(from: &cursor).encode(into: writer) }
    case .refusal: try value(Refusal.self, &cursor)
    case .healthRequest: try cursor.close()
    case .health: try value(Health.self, &cursor)
    case .telemetry: try value(Telemetry.self, &cursor)
    case .join: try value(Join.self, &cursor)
    case .joined: try value(Joined.self, &cursor)
    case .delta:
      try view(&cursor) { cursor throws(WireError) in try Delta(from: &cursor).encode(into: writer) }
    case .gradient:
      try view(&cursor) { cursor throws(WireError) in try Gradient(from: &cursor).encode(into: writer) }
    case .updated:
      try view(&cursor) { cursor throws(WireError) in try Updated(from: &cursor).encode(into: writer) }
    case .weights:
      try view(&cursor) { cursor throws(WireError) in try Weights(from: &cursor).encode(into: writer) }
    case .statusRequest: try value(StatusRequest.self, &cursor)
    case .status: try value(Status.self, &cursor)
    case .evaluation: try value(EvaluationReport.self, &cursor)
    case .goodbye: try value(Goodbye.self, &cursor)
    case .inspectRequest: try value(InspectRequest.self, &cursor)
    case .inspection: try value(Inspection.self, &cursor)
    case .snapshotRequest: try value(SnapshotRequest.self, &cursor)
    case .snapshotStatus: try value(SnapshotStatus.self, &cursor)
    case .limitsRequest: try value(LimitsRequest.self, &cursor)
    case .limits: try value(LimitsAnswer.self, &cursor)
    case .totalsRequest: try value(TotalsRequest.self, &cursor)
    case .totals: try value(Totals.self, &cursor)
    case .tap: try value(Tap.self, &cursor)
    case .accepted: try view(&cursor) { cursor throws(WireError) in try accepted(&cursor) }
    case .learnerRequest: try cursor.close()
    case .learner: try value(Learner.self, &cursor)
    case .progress: try value(Progress.self, &cursor)
    case .stepRequest: try value(StepRequest.self, &cursor)
    case .stepGrant: try value(StepGrant.self, &cursor)
    }
  }

  private func value<Message: ValueMessage>(_ type: Message.Type, _ cursor: inout FrameCursor)
    throws(WireError)
  {
    let message = try Message(from: &cursor)
    message.encode(into: writer)
    let bytes = writer.array()
    let again = reread(bytes, Message.init)
    // NaN is not equal to itself, and an array with NaN only equals the same array; then only the
    // bytes are compared.
    expect(
      again == message || "\(message)".contains("nan"), "read \(message), wrote it and read \(again)")
    again.encode(into: writer)
    expect(writer.array() == bytes, "written twice, with different bytes: \(message)")
  }

  /// For messages that are views into their frames only the bytes are compared.
  private func view(
    _ cursor: inout FrameCursor, _ rewrite: (inout FrameCursor) throws(WireError) -> Void
  ) throws(WireError) {
    try rewrite(&cursor)
    let bytes = writer.array()
    reread(bytes, rewrite)
    expect(writer.array() == bytes, "written twice, with different bytes: \(bytes)")
  }

  private func reread<Result>(
    _ bytes: [UInt8], _ body: (inout FrameCursor) throws(WireError) -> Result
  ) -> Result {
    bytes.withUnsafeBytes { bytes in
      var cursor = FrameCursor(bytes)
      do throws(WireError) {
        _ = try cursor.openMessage()
        return try body(&cursor)
      } catch {
        fatalError("what was written of a readable message cannot be read: \(error)")
      }
    }
  }

  private func insert(_ cursor: inout FrameCursor) throws(WireError) {
    let sequence = try Insert.sequence(from: &cursor)
    let insertion = try content(&cursor)
    Insert.begin(writer, sequence: sequence, chunks: insertion.chunks.count)
    write(insertion)
  }

  private func accepted(_ cursor: inout FrameCursor) throws(WireError) {
    let incarnation = try cursor.identifier("the incarnation")
    let message = try Accepted(elementsFrom: &cursor)
    let insertion = try content(&cursor)
    message.encode(
      into: writer, incarnation: incarnation, content: UnsafeRawBufferPointer(start: nil, count: 0))
    writer.array(insertion.chunks.count)
    write(insertion)
  }

  private func content(_ cursor: inout FrameCursor) throws(WireError) -> Insertion {
    var insertion = Insertion(columnsPerChunk: schema.columnCount)
    try Insert.content(
      from: &cursor, schema: schema, rowBytes: schema.fields.map(\.byteCount) + [1], into: &insertion)
    for block in insertion.items {
      for index in 0..<block.count { _ = block[index] }
    }
    return insertion
  }

  private func write(_ insertion: Insertion) {
    for (index, chunk) in insertion.chunks.enumerated() {
      Insert.chunk(writer, chunk, columns: insertion.columns(ofChunk: index))
    }
    Insert.items(writer, insertion.items)
  }

  private func batch(_ batch: Batch) {
    let places = Batch.reserve(writer, batch.header, fields: batch.fields)
    let payloads = [batch.keys, batch.probabilities, batch.versions] + batch.columns
    let offsets = [places.keys, places.probabilities, places.versions] + places.columns
    for (payload, offset) in zip(payloads, offsets) {
      if let base = payload.baseAddress {
        writer.pointer(at: offset).copyMemory(from: base, byteCount: payload.count)
      }
    }
  }
}
