// Records of a TensorBoard event file.

/// Encodes TensorBoard event files: TFRecords, each with an `Event` of TensorFlow's `event.proto`.
///
///     TFRecord: u64 length · u32 masked CRC-32C of those 8 bytes · data · u32 masked CRC-32C of it
///     Event:    1 double wall time (s since 1970) · 2 varint step · 3 string version · 5 Summary
///     Summary:  1 Value, repeated
///     Value:    1 string tag · 2 float simple value
///
/// All integers are little-endian. The numbers of the last three are protobuf's field numbers.
public enum EventRecord {
  /// The first record of every file.
  public static func version(wallTime_s: Double) -> [UInt8] {
    var event = ProtobufWriter()
    event.double(1, wallTime_s)
    event.bytes(3, Array("brain.Event:2".utf8))
    return framed(event.contents)
  }

  /// One record of scalars at a step; NaN and infinite values are left out.
  ///
  /// - Parameters:
  ///   - wallTime_s: seconds since 1970.
  ///   - step: the place on TensorBoard's horizontal axis, ≥ 0.
  public static func scalars(
    _ scalars: [(tag: String, value: Double)], step: Int64, wallTime_s: Double
  ) -> [UInt8] {
    var summary = ProtobufWriter()
    for scalar in scalars where Float(scalar.value).isFinite {
      var value = ProtobufWriter()
      value.bytes(1, Array(scalar.tag.utf8))
      value.float(2, Float(scalar.value))
      summary.bytes(1, value.contents)
    }
    var event = ProtobufWriter()
    event.double(1, wallTime_s)
    event.varint(2, UInt64(max(0, step)))
    event.bytes(5, summary.contents)
    return framed(event.contents)
  }

  /// The name of a new event file. TensorBoard reads the files of a folder in the order of their
  /// names.
  public static func fileName(wallTime_s: Int64, host: String, process: Int32) -> String {
    "events.out.tfevents.\(wallTime_s).\(host).\(process).rookery"
  }

  static func framed(_ data: [UInt8]) -> [UInt8] {
    let length = littleEndian(UInt64(data.count))
    return length + littleEndian(CRC32C.masked(length)) + data + littleEndian(CRC32C.masked(data))
  }

  static func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }
}

/// The parts of protobuf's encoding that an event needs.
struct ProtobufWriter {
  private(set) var contents: [UInt8] = []

  mutating func varint(_ field: Int, _ value: UInt64) {
    key(field, wireType: 0)
    raw(value)
  }

  mutating func double(_ field: Int, _ value: Double) {
    key(field, wireType: 1)
    contents += EventRecord.littleEndian(value.bitPattern)
  }

  mutating func bytes(_ field: Int, _ value: [UInt8]) {
    key(field, wireType: 2)
    raw(UInt64(value.count))
    contents += value
  }

  mutating func float(_ field: Int, _ value: Float) {
    key(field, wireType: 5)
    contents += EventRecord.littleEndian(value.bitPattern)
  }

  private mutating func key(_ field: Int, wireType: UInt64) { raw(UInt64(field) << 3 | wireType) }

  /// Seven bits a byte, the lowest first. The highest bit says that more bytes follow.
  private mutating func raw(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      contents.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    contents.append(UInt8(rest))
  }
}
