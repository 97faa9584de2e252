// A point in time that tests can choose.

/// Nanoseconds on a monotonic clock. State machines are given one; only drivers read the clock.
/// (`ContinuousClock.Instant` cannot be constructed, so a simulation could not set it.)
public struct Instant: Comparable, Hashable, Sendable {
  /// Since the clock's origin, which on Linux is about the start of the machine.
  public var nanoseconds: Int64

  public init(nanoseconds: Int64) {
    self.nanoseconds = nanoseconds
  }

  /// The clock's origin.
  public static let zero = Instant(nanoseconds: 0)
  /// Later than every other instant.
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
    /// Negative for a time before.
    public var nanoseconds: Int64

    public init(nanoseconds: Int64) {
      self.nanoseconds = nanoseconds
    }

    /// No time.
    public static let zero = Span(nanoseconds: 0)
    /// At most ±146 years, and 0 for NaN: a value from a file or another process must not trap.
    public static func seconds(_ value: Double) -> Span {
      let nanoseconds = value * 1e9
      return Span(nanoseconds: nanoseconds.isNaN ? 0 : Int64(min(max(nanoseconds, -0x1p62), 0x1p62)))
    }
    /// `value` must fit into Int64 nanoseconds.
    public static func milliseconds(_ value: Double) -> Span { Span(nanoseconds: Int64(value * 1e6)) }
    public static func microseconds(_ value: Double) -> Span { Span(nanoseconds: Int64(value * 1e3)) }

    /// The length in seconds, as a fraction.
    public var seconds: Double { Double(nanoseconds) / 1e9 }
    /// The length in milliseconds, as a fraction.
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
