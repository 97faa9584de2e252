// Reads a frame of any type, as a service would.

import Experience
import Wire

enum AnyMessage {
  /// The type of a frame that can be read whole.
  @discardableResult
  static func read(_ frame: UnsafeRawBufferPointer) throws(WireError) -> MessageType {
    var cursor = FrameCursor(frame)
    let type = try cursor.openMessage()
    try readFields(of: type, &cursor)
    return type
  }

  /// The type, or nil if the frame was refused.
  static func accepts(_ frame: [UInt8]) -> MessageType? {
    frame.withUnsafeBytes { try? read($0) }
  }

  /// Why a frame is refused; nil if it is not.
  static func problem(_ frame: [UInt8]) -> String? {
    frame.withUnsafeBytes { bytes in
      do throws(WireError) {
        try read(bytes)
        return nil
      } catch {
        return error.description
      }
    }
  }

  private static func readFields(of type: MessageType, _ cursor: inout FrameCursor) throws(WireError) {
    switch type {
    case .hello: _ = try Hello(from: &cursor)
    case .welcome: _ = try Welcome(from: &cursor)
    case .insert: try readInsert(&cursor)
    case .acknowledgement: _ = try Acknowledgement(from: &cursor)
    case .sampleRequest: _ = try SampleRequest(from: &cursor)
    case .batch: _ = try Batch(from: &cursor)
    case .priorities: _ = try PriorityUpdate(from: &cursor)
    case .refusal: _ = try Refusal(from: &cursor)
    case .healthRequest: try cursor.close()
    case .health: _ = try Health(from: &cursor)
    case .telemetry: _ = try Telemetry(from: &cursor)
    case .join: _ = try Join(from: &cursor)
    case .joined: _ = try Joined(from: &cursor)
    case .delta: _ = try Delta(from: &cursor)
    case .weights: _ = try Weights(from: &cursor)
    case .statusRequest: _ = try StatusRequest(from: &cursor)
    case .status: _ = try Status(from: &cursor)
    case .evaluation: _ = try EvaluationReport(from: &cursor)
    case .goodbye: _ = try Goodbye(from: &cursor)
    case .inspectRequest: _ = try InspectRequest(from: &cursor)
    case .inspection: _ = try Inspection(from: &cursor)
    case .snapshotRequest: _ = try SnapshotRequest(from: &cursor)
    case .snapshotStatus: _ = try SnapshotStatus(from: &cursor)
    case .limitsRequest: _ = try LimitsRequest(from: &cursor)
    case .limits: _ = try LimitsAnswer(from: &cursor)
    case .totalsRequest: _ = try TotalsRequest(from: &cursor)
    case .totals: _ = try Totals(from: &cursor)
    case .tap: _ = try Tap(from: &cursor)
    case .accepted: try readAccepted(&cursor)
    case .gradient: _ = try Gradient(from: &cursor)
    case .updated: _ = try Updated(from: &cursor)
    case .learnerRequest: try cursor.close()
    case .learner: _ = try Learner(from: &cursor)
    case .progress: _ = try Progress(from: &cursor)
    case .stepRequest: _ = try StepRequest(from: &cursor)
    case .stepGrant: _ = try StepGrant(from: &cursor)
    }
  }

  private static func readInsert(_ cursor: inout FrameCursor) throws(WireError) {
    _ = try Insert.sequence(from: &cursor)
    try readContent(&cursor)
  }

  private static func readAccepted(_ cursor: inout FrameCursor) throws(WireError) {
    _ = try cursor.identifier("the incarnation")
    _ = try Accepted(elementsFrom: &cursor)
    try readContent(&cursor)
  }

  private static func readContent(_ cursor: inout FrameCursor) throws(WireError) {
    let schema = Golden.schema
    var insertion = Insertion(columnsPerChunk: schema.columnCount)
    try Insert.content(
      from: &cursor, schema: schema, rowBytes: schema.fields.map(\.byteCount) + [1], into: &insertion)
    for block in insertion.items {
      for index in 0..<block.count { _ = block[index] }
    }
  }
}
