// Values of steps as text.

internal import Experience

extension StepFlags {
  /// The names of those that are set.
  var names: [String] {
    [(StepFlags.isFirst, "first"), (.isLast, "last"), (.isTerminal, "terminal")]
      .filter { contains($0.0) }.map(\.1)
  }
}

/// The value of a step's field.
enum FieldText {
  /// At most `limit` elements as text.
  static func values(_ field: Field, _ column: [UInt8], step: Int, limit: Int = 8) -> String {
    column.withUnsafeBytes { values(field, $0, step: step, limit: limit) }
  }

  /// The same for a view of the column.
  static func values(_ field: Field, _ column: UnsafeRawBufferPointer, step: Int, limit: Int = 8) -> String {
    let numbers = elements(field, column, step: step, limit: limit)
    let text = numbers.map(Self.short).joined(separator: " ")
    if field.shape.isEmpty { return text }
    return "[\(text)\(field.elementCount > limit ? " … \(field.elementCount) in all" : "")]"
  }

  static func elements(_ field: Field, _ column: [UInt8], step: Int, limit: Int) -> [Double] {
    column.withUnsafeBytes { elements(field, $0, step: step, limit: limit) }
  }

  /// At most `limit` elements of one step, in row-major order.
  static func elements(_ field: Field, _ bytes: UnsafeRawBufferPointer, step: Int, limit: Int) -> [Double] {
    (0..<min(limit, field.elementCount)).map { element in
      let offset = step * field.byteCount + element * field.dtype.byteCount
      return switch field.dtype {
      case .uint8: Double(bytes[offset])
      case .int32: Double(bytes.loadUnaligned(fromByteOffset: offset, as: Int32.self))
      case .int64: Double(bytes.loadUnaligned(fromByteOffset: offset, as: Int64.self))
      case .float32: Double(bytes.loadUnaligned(fromByteOffset: offset, as: Float.self))
      case .float64: bytes.loadUnaligned(fromByteOffset: offset, as: Double.self)
      }
    }
  }

  private static func short(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e9 ? "\(Int(value))" : "\(Float(value))"
  }
}
