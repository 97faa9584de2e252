// Whether numbers are finite.

internal import CKernels

public enum Finite {
  /// The index of the first float32 of a buffer (little-endian, on any byte) that is NaN or
  /// infinite, or nil.
  public static func firstException(_ values: UnsafeRawBufferPointer) -> Int? {
    guard let base = values.baseAddress else { return nil }
    let count = values.count / 4
    let index = rookery_first_not_finite(base, count)
    return index < count ? index : nil
  }
}
