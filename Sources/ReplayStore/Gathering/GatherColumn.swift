// The copy of one field from the ring to a batch column.

internal import Experience

/// Where a field's values lie in the ring and in the batch.
struct GatherColumn {
  /// The field's first byte in slot 0, and the bytes from slot to slot.
  let source: UnsafeRawPointer
  let stride: Int
  /// Bytes of one step's value, a single frame.
  let byteCount: Int
  /// Frames in a stack; 1 for a field without a stack.
  let stack: Int
  let destination: UnsafeMutableRawPointer
  /// Whether the value is that of the item's last step, not of its first.
  let isNext: Bool

  init(_ ring: StepRing, field: Int, to destination: UnsafeMutableRawPointer, isNext: Bool = false) {
    byteCount = ring.layout.fields[field].byteCount
    stack = ring.layout.fields[field].stack
    self.destination = destination
    self.isNext = isNext
    switch ring.layout.places[field] {
    case .row(let offset):
      source = UnsafeRawPointer(ring.rows) + offset
      stride = ring.layout.rowStride
    case .arena(let arena):
      source = UnsafeRawPointer(ring.largeArenas[arena])
      stride = byteCount
    }
  }

  /// Copies one frame to place `index` of the destination.
  @inline(__always)
  func copy(_ slot: Int, to index: Int) {
    copyBytes(destination + index * byteCount, source + slot * stride, byteCount)
  }

  /// Copies `count` frames to place `index` and the places behind it. Frames that are adjacent in
  /// the ring are copied at once.
  @inline(__always)
  func copy(_ slots: UnsafePointer<Int>, count: Int, to index: Int) {
    var first = 0
    while first < count {
      var end = first + 1
      if stride == byteCount {
        while end < count, slots[end] == slots[end - 1] + 1 { end += 1 }
      }
      copyBytes(
        destination + (index + first) * byteCount, source + slots[first] * stride, (end - first) * byteCount)
      first = end
    }
  }
}
