// A number of bytes for people.

/// Prints a number of bytes with a decimal unit, as `7.1 GB`.
public struct ByteCount: CustomStringConvertible, Sendable {
  /// The number that is printed.
  public var bytes: Int

  public init(_ bytes: Int) {
    self.bytes = bytes
  }

  public var description: String {
    var value = Double(bytes)
    var unit = "B"
    for larger in ["kB", "MB", "GB", "TB"] where value >= 999.5 {
      value /= 1000
      unit = larger
    }
    let tenths = (value * 10).rounded() / 10
    return unit == "B" || value >= 100 ? "\(Int(value.rounded())) \(unit)" : "\(tenths) \(unit)"
  }
}
