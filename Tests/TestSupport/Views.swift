// Views of several arrays.

/// Calls `body` with views of all arrays at once; they are valid during the call.
public func withViews<Result>(
  _ arrays: [[UInt8]], _ body: ([UnsafeRawBufferPointer]) throws -> Result
) rethrows -> Result {
  var views: [UnsafeRawBufferPointer] = []
  func next(_ index: Int) throws -> Result {
    guard index < arrays.count else { return try body(views) }
    return try arrays[index].withUnsafeBytes { bytes in
      views.append(bytes)
      return try next(index + 1)
    }
  }
  return try next(0)
}
