// Where the values of a column come from and go to.

internal import Experience

/// A field's way from the ring into a batch.
struct GatherColumn {
  /// The field's first byte in slot 0, and from slot to slot.
  let source: UnsafeRawPointer
  let stride: Int
  /// Of one step's value, a frame.
  let byteCount: Int
  /// Frames that are served together.
  let stack: Int
  let destination: UnsafeMutableRawPointer
  /// From the item's last step, not its first.
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

  /// Copies one frame to the `index`-th place of the destination.
  @inline(__always)
  func copy(_ slot: Int, to index: Int) {
    copyBytes(destination + index * byteCount, source + slot * stride, byteCount)
  }

  /// Copies `count` frames to the `index`-th place and those behind it. Frames that lie one after the other go at once.
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
