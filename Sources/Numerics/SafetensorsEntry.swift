// One tensor of a safetensors file: name, element type, shape, place.

/// Element types of safetensors that are read and written here; raw values are the format's names.
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

/// What a file's header says of one tensor.
public struct SafetensorsEntry: Hashable, Sendable {
  public var name: String
  public var type: SafetensorsType
  /// Empty for a scalar; a 0 in it makes a tensor without elements.
  public var shape: [Int]
  /// Where its bytes lie in the file's data.
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

/// Why a safetensors file cannot be read or written: where, what was expected, what was found.
public struct SafetensorsError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The file, or what stands for it.
  public var path: String
  /// `header`, `tensor 'x'`, …
  public var place: String
  public var expected: String
  public var found: String
  /// What to do, if that is known here.
  public var advice: String?

  public var description: String {
    "'\(path)': \(place): expected \(expected), found \(found)" + (advice.map { "; \($0)" } ?? "")
  }
}
