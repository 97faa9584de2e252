// Decides when to retry an environment that failed.

internal import Environments
internal import Foundations

/// Counts failures and decides when to try again: after 0.1 s, then twice as long each time, up to
/// 5 s. The sixth failure in a row is final, and so is one that a retry would only repeat.
struct EnvironmentRecovery {
  private static let inARowMax = 5
  /// After this much work, the next failure counts as the first again.
  private static let healthy = Instant.Span.seconds(10)

  private(set) var failures: UInt64 = 0
  private(set) var hangs: UInt64 = 0
  private var inARow = 0
  private var lastTry = Instant.zero

  /// When to start new episodes.
  /// - Throws: `failure` if it is final, with the count of failures in a row.
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
