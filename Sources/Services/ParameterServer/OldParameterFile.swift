// Reads weights that an earlier version of Rookery saved.

internal import Experience
internal import Foundations
internal import Wire

/// Reads `parameters.rookery` of format 1, and never writes it. Its two slots hold WEIGHTS messages
/// of protocol version 1.
///
///     0     8 bytes "ROOKPAR1"
///     8     u64 bytes of a slot
///     4096  slot 0: u64 checksum, u64 length, then a WEIGHTS message, which names learners by
///     their ids
///     …     slot 1
enum OldParameterFile {
  static let magic: [UInt8] = Array("ROOKPAR1".utf8)
  private static let protocolVersion: UInt64 = 1

  /// The contents of a slot.
  enum Slot {
    case unwritten
    case damaged
    case whole(ParameterState)

    init(_ bytes: UnsafeRawBufferPointer) {
      guard bytes.count >= 16 else {
        self = .damaged
        return
      }
      let checksum = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
      let length = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
      if checksum == 0, length == 0 {
        self = .unwritten
        return
      }
      guard length <= UInt64(bytes.count - 16) else {
        self = .damaged
        return
      }
      let frame = UnsafeRawBufferPointer(rebasing: bytes[16..<16 + Int(length)])
      let state = Checksum.of(frame) == checksum ? OldParameterFile.state(frame) : nil
      self = state.map(Slot.whole) ?? .damaged
    }
  }

  /// Decodes a WEIGHTS message of protocol version 1; nil for other bytes.
  private static func state(_ frame: UnsafeRawBufferPointer) -> ParameterState? {
    var cursor = FrameCursor(frame)
    do throws(WireError) {
      guard try cursor.array(max: 12, "a message") == 12,
        try cursor.unsigned("the protocol version") == protocolVersion,
        try cursor.unsigned("a message type") == 15
      else { return nil }
      _ = try cursor.string(maxBytes: Limits.labelBytes, "the topic")
      let version = try cursor.number("the weights version")
      _ = try cursor.identifier("the incarnation")
      let updates = try cursor.number("the updates")
      _ = try cursor.time("the oldest update")
      _ = try cursor.time("the newest update")
      var merged: [Merged] = []
      for _ in 0..<(try cursor.array(max: Limits.members, "the merged changes")) {
        guard try cursor.array(max: 2, "a merged change") == 2 else { return nil }
        let id = try cursor.identifier("a learner's id")
        merged.append(
          Merged(learner: id.publicName, sequence: try cursor.number("a merged sequence")))
      }
      let manifest = try cursor.manifest()
      let content = try cursor.alignedBinary(byteCount: manifest.elementCount * 4, "the values")
      try cursor.close()
      let values = [Float](unsafeUninitializedCapacity: manifest.elementCount) { buffer, count in
        UnsafeMutableRawBufferPointer(buffer).copyMemory(from: content)
        count = manifest.elementCount
      }
      return ParameterState(
        version: version, updates: updates, merged: merged, manifest: manifest, values: values)
    } catch {
      return nil
    }
  }
}
