// A weighted sum of flat vectors.

internal import CKernels

/// Σ wᵢ·xᵢ over vectors that arrive one by one, in memory that is reused. Adding one costs
/// O(elements). Not `Sendable`: one thread owns it.
public final class FlatSum {
  private let buffer: AlignedBuffer
  /// Whether nothing has been added since `clear`.
  public private(set) var isEmpty = true

  public init(count: Int) {
    buffer = AlignedBuffer(count: count)
  }

  /// The sum; undefined while it is empty.
  public var values: UnsafeMutableBufferPointer<Float> { buffer.values }

  /// Adds `weight` · x.
  /// - Parameter vector: float32 each, little-endian, of any alignment; as many as the sum has.
  public func add(_ vector: UnsafeRawBufferPointer, weight: Float) {
    precondition(vector.count == buffer.values.count * 4, "sizes differ")
    guard let base = vector.baseAddress else { return isEmpty = false }
    rookery_accumulate(buffer.base, base, weight, buffer.values.count, isEmpty ? 0 : 1)
    isEmpty = false
  }

  /// Multiplies the sum.
  public func scale(by factor: Float) {
    for index in buffer.values.indices { buffer.values[index] *= factor }
  }

  /// Empties the sum at no cost.
  public func clear() { isEmpty = true }
}
