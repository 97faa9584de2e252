// A tensor of a safetensors file: name, element type, shape and range of bytes.

/// The element types that can be read and written; raw values are the format's names.
public enum SafetensorsType: String, CaseIterable, Sendable {
  case float32 = "F32"
  case float64 = "F64"
  case int64 = "I64"
  case uint8 = "U8"

  /// Bytes of one element.
  public var byteCount: Int {
    switch self {
    case .float32: 4
    case .float64, .int64: 8
    case .uint8: 1
    }
  }
}

/// A tensor's entry in a file's header.
public struct SafetensorsEntry: Hashable, Sendable {
  /// Unique in the file.
  public var name: String
  /// The element type.
  public var type: SafetensorsType
  /// Empty for a scalar; a tensor with a 0 in its shape has no elements.
  public var shape: [Int]
  /// The range of its bytes in the file's data.
  public var bytes: Range<Int>

  /// Elements, or nil if `shape` has a negative size or the bytes do not fit Int.
  static func elementCount(_ shape: [Int], _ type: SafetensorsType) -> Int? {
    if shape.contains(where: { $0 < 0 }) { return nil }
    if shape.contains(0) { return 0 }
    var bytes = type.byteCount
    for size in shape {
      let (product, overflow) = bytes.multipliedReportingOverflow(by: size)
      if overflow { return nil }
      bytes = product
    }
    return bytes / type.byteCount
  }
}

/// A safetensors file that cannot be read or written.
public struct SafetensorsError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The file; for contents without a file, the name given to `init`.
  public var path: String
  /// The part of the file: `header`, `tensor 'x'`, …
  public var place: String
  /// What was expected there.
  public var expected: String
  /// What was found there.
  public var found: String
  /// What to do; nil if that is not known.
  public var advice: String?

  public var description: String {
    "'\(path)': \(place): expected \(expected), found \(found)" + (advice.map { "; \($0)" } ?? "")
  }
}
