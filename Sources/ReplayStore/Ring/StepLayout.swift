// Where a step's fields lie in memory.

internal import Experience

/// The arrangement of a schema's steps: a row for the small fields and the flags, and an arena for
/// each large field.
struct StepLayout {
  enum Place: Hashable {
    /// In the row, at this offset.
    case row(Int)
    /// In the arena of this number, at slot · the field's bytes.
    case arena(Int)
  }

  /// A field of at least this many bytes has an arena: its values are copied at memcpy speed, and
  /// rows stay within few cache lines.
  static let largeFrom = 512

  let fields: [Field]
  private(set) var places: [Place]
  let flagsOffset: Int
  /// Bytes from row to row.
  let rowStride: Int
  /// Bytes of a step in each arena.
  let largeByteCounts: [Int]
  /// The most frames before a step that any of its stacks needs.
  let history: Int

  init(_ schema: StepSchema) {
    fields = schema.fields
    history = fields.reduce(0) { max($0, $1.stack - 1) }
    places = Array(repeating: .row(0), count: fields.count)
    var large: [Int] = []
    var offset = 0
    // Widest elements first, so that every field is aligned without padding.
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

  /// A power of two up to a cache line, so that a row never straddles lines; above that a multiple
  /// of 16.
  private static func stride(_ bytes: Int) -> Int {
    if bytes > 64 { return (bytes + 15) & ~15 }
    var stride = 8
    while stride < bytes { stride *= 2 }
    return stride
  }

  /// Bytes stored for a step.
  var stepByteCount: Int { rowStride + largeByteCounts.reduce(0, +) }
}
