// Where a step's fields lie.

internal import Experience

/// The arrangement of a schema's steps: one row for small fields and flags, an arena for each large field.
struct StepLayout {
  enum Place: Hashable {
    /// At an offset in the row.
    case row(Int)
    /// In the large field arena of this number, at slot × the field's bytes.
    case arena(Int)
  }

  /// A field from here on has an arena: its copies run at memcpy speed, and rows stay within few cache lines.
  static let largeFrom = 512

  let fields: [Field]
  private(set) var places: [Place]
  let flagsOffset: Int
  /// Bytes from row to row.
  let rowStride: Int
  /// Bytes of a step in each large arena.
  let largeByteCounts: [Int]
  /// Frames before a step that its largest stack holds.
  let history: Int

  init(_ schema: StepSchema) {
    fields = schema.fields
    history = fields.reduce(0) { max($0, $1.stack - 1) }
    places = Array(repeating: .row(0), count: fields.count)
    var large: [Int] = []
    var offset = 0
    // Widest elements first: every field is aligned without padding between.
    for width in [8, 4, 1] {
      for (index, field) in fields.enumerated() where field.dtype.byteCount == width {
        if field.byteCount >= Self.largeFrom {
          places[index] = .arena(large.count)
          large.append(field.byteCount)
        } else {
          places[index] = .row(offset)
          offset += field.byteCount
        }
      }
    }
    flagsOffset = offset
    largeByteCounts = large
    rowStride = Self.stride(offset + 1)
  }

  /// Up to a cache line a power of two, so that a row never straddles lines; then multiples of 16.
  private static func stride(_ bytes: Int) -> Int {
    if bytes > 64 { return (bytes + 15) & ~15 }
    var stride = 8
    while stride < bytes { stride *= 2 }
    return stride
  }

  /// Bytes stored for a step.
  var stepByteCount: Int { rowStride + largeByteCounts.reduce(0, +) }
}
