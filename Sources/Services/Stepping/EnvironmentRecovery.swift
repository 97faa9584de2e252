// What to do when an environment fails while it is in use.

internal import Environments
internal import Foundations

/// Counts failures and says when to try again: after 0.1 s, then twice as long each time, up to 5 s. More than five in a row, or one
/// that would only repeat, is final.
struct EnvironmentRecovery {
  private static let inARowMax = 5
  /// Work that separates one failure from the next.
  private static let healthy = Instant.Span.seconds(10)

  private(set) var failures: UInt64 = 0
  private(set) var hangs: UInt64 = 0
  private var inARow = 0
  private var lastTry = Instant.zero

  /// When to start new episodes.
  /// - Throws: `failure` itself, or that it was the last of too many.
  mutating func retry(after failure: EnvironmentFailure, now: Instant) throws -> Instant {
    failures += 1
    if failure.kind == .hung { hangs += 1 }
    guard !failure.isSetup else { throw failure }
    if now - lastTry > Self.healthy { inARow = 0 }
    inARow += 1
    guard inARow <= Self.inARowMax else {
      var last = failure
      last.text = "\(inARow) failures in a row; the last: \(failure.text)"
      throw last
    }
    lastTry = now + .milliseconds(min(5000, 100 * Double(1 << (inARow - 1))))
    return lastTry
  }
}
