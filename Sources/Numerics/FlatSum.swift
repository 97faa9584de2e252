// A weighted sum of flat vectors.

internal import CKernels

/// Σ wᵢ·xᵢ over vectors that arrive one by one, in memory that is reused. Not `Sendable`: one
/// thread owns it.
public final class FlatSum {
  private let buffer: AlignedBuffer
  /// Whether nothing has been added since `clear`.
  public private(set) var isEmpty = true

  public init(count: Int) {
    buffer = AlignedBuffer(count: count)
  }

  /// The sum; undefined while it is empty.
  public var values: UnsafeMutableBufferPointer<Float> { buffer.values }

  /// Adds `weight` · x, unless a value is NaN or its magnitude is above `limit`. Into an empty
  /// sum it takes one pass over x, else two.
  /// - Parameter vector: float32 each, little-endian, of any alignment; as many as the sum has.
  /// - Returns: False if nothing was added.
  public func add(_ vector: UnsafeRawBufferPointer, weight: Float, limit: Float) -> Bool {
    precondition(vector.count == buffer.values.count * 4, "sizes differ")
    guard let base = vector.baseAddress else {
      isEmpty = false
      return true
    }
    if isEmpty {
      isEmpty = rookery_scale_checked(buffer.base, base, weight, limit, buffer.values.count) == 0
      return !isEmpty
    }
    guard Finite.firstException(vector, limit: limit) == nil else { return false }
    rookery_accumulate(buffer.base, base, weight, buffer.values.count)
    return true
  }

  /// Adds `factor` · sum to a vector, in one pass.
  public func addScaled(to target: UnsafeMutableBufferPointer<Float>, by factor: Float) {
    precondition(target.count == buffer.values.count && !isEmpty, "sizes differ, or the sum is empty")
    rookery_add_scaled(target.baseAddress, buffer.base, factor, target.count)
  }

  /// Multiplies the sum.
  public func scale(by factor: Float) {
    for index in buffer.values.indices { buffer.values[index] *= factor }
  }

  /// Empties the sum at no cost.
  public func clear() { isEmpty = true }
}
