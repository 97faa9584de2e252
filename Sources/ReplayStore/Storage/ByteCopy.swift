// Copies a few bytes without a call.

/// Copies `count` bytes between buffers that do not overlap and may be unaligned. Up to 64 bytes
/// are copied by moves that may overlap, which cost less than a call with an unknown length; more
/// by memcpy.
@inline(__always)
func copyBytes(_ to: UnsafeMutableRawPointer, _ from: UnsafeRawPointer, _ count: Int) {
  switch count {
  case 4: to.storeBytes(of: from.loadUnaligned(as: UInt32.self), as: UInt32.self)
  case 16...32:
    move(to, from, 0, as: SIMD2<UInt64>.self)
    move(to, from, count - 16, as: SIMD2<UInt64>.self)
  case 5...7:
    move(to, from, 0, as: UInt32.self)
    move(to, from, count - 4, as: UInt32.self)
  case 8...15:
    move(to, from, 0, as: UInt64.self)
    move(to, from, count - 8, as: UInt64.self)
  case 33...64:
    move(to, from, 0, as: SIMD2<UInt64>.self)
    move(to, from, 16, as: SIMD2<UInt64>.self)
    move(to, from, count - 32, as: SIMD2<UInt64>.self)
    move(to, from, count - 16, as: SIMD2<UInt64>.self)
  case 0...3:
    for offset in 0..<count { move(to, from, offset, as: UInt8.self) }
  default: to.copyMemory(from: from, byteCount: count)
  }
}

@inline(__always)
private func move<T: BitwiseCopyable>(
  _ to: UnsafeMutableRawPointer, _ from: UnsafeRawPointer, _ offset: Int, as type: T.Type
) {
  to.storeBytes(of: from.loadUnaligned(fromByteOffset: offset, as: type), toByteOffset: offset, as: type)
}
