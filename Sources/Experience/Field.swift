// One named column of a step.

/// A column of a step or of a batch, without the time or batch dimension.
public struct Field: Hashable, Sendable {
  /// 1 to 64 bytes, unique in a schema.
  public var name: String
  /// The type of each element.
  public var dtype: DType
  /// The shape of one row; empty for a scalar.
  public var shape: [Int]
  /// Consecutive frames that make one served observation (frame stacking); 1 for none.
  public var stack: Int

  public init(_ name: String, _ dtype: DType, shape: [Int] = [], stack: Int = 1) {
    self.name = name
    self.dtype = dtype
    self.shape = shape
    self.stack = stack
  }

  /// Elements of one row.
  public var elementCount: Int { shape.reduce(1, *) }
  /// Bytes of one row as sent and stored (before stacking).
  public var byteCount: Int { elementCount * dtype.byteCount }
}

extension Field: CustomStringConvertible {
  public var description: String {
    let size = shape.isEmpty ? "" : "[\(shape.map(String.init).joined(separator: ", "))]"
    return "\(name): \(dtype.name)\(size)\(stack > 1 ? " stack \(stack)" : "")"
  }
}
