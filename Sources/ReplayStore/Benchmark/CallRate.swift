// The measurement that benchmarks within one process share.

public import Foundations

/// Measures how often a call can be made.
public enum CallRate {
  /// Calls of `body` a second, over at least `duration`.
  public static func measure(for duration: Instant.Span, _ body: () throws -> Void) rethrows -> Double {
    var calls = 0
    let start = SystemClock.now()
    while true {
      for _ in 0..<16 { try body() }
      calls += 16
      let elapsed = SystemClock.now() - start
      if elapsed > duration { return Double(calls) / elapsed.seconds }
    }
  }
}
