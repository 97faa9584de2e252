// The element types of experience and weights.

/// An element type. Raw values are the codes on the wire and in files; they never change meaning.
public enum DType: UInt8, CaseIterable, Sendable {
  case uint8 = 1
  case int32 = 2
  case int64 = 3
  case float32 = 4
  case float64 = 5

  /// Bytes of one element.
  public var byteCount: Int {
    switch self {
    case .uint8: 1
    case .int32, .float32: 4
    case .int64, .float64: 8
    }
  }

  /// The name used in configuration and messages, as NumPy spells it.
  public var name: String {
    switch self {
    case .uint8: "uint8"
    case .int32: "int32"
    case .int64: "int64"
    case .float32: "float32"
    case .float64: "float64"
    }
  }
}
