// What a shard keeps for a recorder that has yet to come.

internal import Foundations

/// The first messages of an incarnation, kept for the first recorder: actors may be faster than the
/// recorder that is started with them. It ends with the first recorder, or when it is full or old.
struct TapBacklog {
  static let bytesMax = 32 << 20
  static let keptFor = Instant.Span.seconds(10)

  private var frames: [[UInt8]] = []
  private var bytes = 0
  private let until: Instant
  private(set) var isKept = true

  init(now: Instant) { until = now + Self.keptFor }

  /// Keeps a frame, unless the backlog has ended.
  mutating func append(_ frame: UnsafeRawBufferPointer, now: Instant) {
    bytes += frame.count
    guard now < until, bytes <= Self.bytesMax else { return end() }
    frames.append(Array(frame))
  }

  /// Ends when it is old.
  mutating func expire(now: Instant) {
    if now >= until { end() }
  }

  /// Hands over what it has kept, and ends.
  mutating func take() -> [[UInt8]] {
    defer { end() }
    return frames
  }

  private mutating func end() {
    isKept = false
    frames = []
  }
}
