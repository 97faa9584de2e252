// Finds values that are not finite.

internal import CKernels

/// A vectorised search for NaN and infinity.
public enum Finite {
  /// The index of the first float32 in a buffer (little-endian, of any alignment) that is NaN or
  /// infinite, or nil if all are finite.
  public static func firstException(_ values: UnsafeRawBufferPointer) -> Int? {
    guard let base = values.baseAddress else { return nil }
    let count = values.count / 4
    let index = rookery_first_not_finite(base, count)
    return index < count ? index : nil
  }

  /// The index of the first float32 in a buffer (little-endian, of any alignment) that is NaN or
  /// whose magnitude is above `limit`, or nil if there is none.
  public static func firstException(_ values: UnsafeRawBufferPointer, limit: Float) -> Int? {
    guard let base = values.baseAddress else { return nil }
    let count = values.count / 4
    let index = rookery_first_beyond(base, count, limit)
    return index < count ? index : nil
  }
}
