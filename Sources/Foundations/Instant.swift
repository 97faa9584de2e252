// A point in time that can be made by hand.

/// Nanoseconds on a monotonic clock. State machines are handed one; only drivers read the clock.
/// (`ContinuousClock.Instant` cannot be constructed, so a simulation could not drive it.)
public struct Instant: Comparable, Hashable, Sendable {
  public var nanoseconds: Int64

  public init(nanoseconds: Int64) {
    self.nanoseconds = nanoseconds
  }

  public static let zero = Instant(nanoseconds: 0)
  /// Later than any time that comes.
  public static let never = Instant(nanoseconds: .max)

  public static func < (left: Instant, right: Instant) -> Bool { left.nanoseconds < right.nanoseconds }

  public static func + (left: Instant, right: Span) -> Instant {
    let (sum, overflow) = left.nanoseconds.addingReportingOverflow(right.nanoseconds)
    return overflow ? .never : Instant(nanoseconds: sum)
  }

  public static func - (left: Instant, right: Instant) -> Span {
    Span(nanoseconds: left.nanoseconds - right.nanoseconds)
  }

  public static func - (left: Instant, right: Span) -> Instant {
    Instant(nanoseconds: left.nanoseconds - right.nanoseconds)
  }

  public static func += (left: inout Instant, right: Span) { left = left + right }

  /// A length of time in nanoseconds, one machine word.
  public struct Span: Comparable, Hashable, Sendable {
    public var nanoseconds: Int64

    public init(nanoseconds: Int64) {
      self.nanoseconds = nanoseconds
    }

    public static let zero = Span(nanoseconds: 0)
    /// At most ±146 years, and 0 for what is no number: what a file or a peer says must not trap.
    public static func seconds(_ value: Double) -> Span {
      let nanoseconds = value * 1e9
      return Span(nanoseconds: nanoseconds.isNaN ? 0 : Int64(min(max(nanoseconds, -0x1p62), 0x1p62)))
    }
    public static func milliseconds(_ value: Double) -> Span { Span(nanoseconds: Int64(value * 1e6)) }
    public static func microseconds(_ value: Double) -> Span { Span(nanoseconds: Int64(value * 1e3)) }

    public var seconds: Double { Double(nanoseconds) / 1e9 }
    public var milliseconds: Double { Double(nanoseconds) / 1e6 }

    public static func < (left: Span, right: Span) -> Bool { left.nanoseconds < right.nanoseconds }
    public static func + (left: Span, right: Span) -> Span {
      Span(nanoseconds: left.nanoseconds + right.nanoseconds)
    }
    public static func - (left: Span, right: Span) -> Span {
      Span(nanoseconds: left.nanoseconds - right.nanoseconds)
    }
  }
}
