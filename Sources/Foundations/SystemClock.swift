// The machine's clocks. Only drivers read them.

internal import Glibc

/// Reads the machine's clocks.
public enum SystemClock {
  /// CLOCK_MONOTONIC: the same for all processes of one machine, so ages can be measured across
  /// processes.
  public static func now() -> Instant {
    Instant(nanoseconds: read(CLOCK_MONOTONIC))
  }

  /// Nanoseconds since 1970, for log lines and file names.
  public static func wallNanoseconds() -> Int64 {
    read(CLOCK_REALTIME)
  }

  /// CPU time of this process, user and system together.
  public static func processTime() -> Instant.Span {
    Instant.Span(nanoseconds: read(CLOCK_PROCESS_CPUTIME_ID))
  }

  private static func read(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}
