// A short wait for another process.

internal import Glibc

/// The pause between two attempts to reach another process.
public enum Pause {
  /// Sleeps 10 ms.
  public static func short() { usleep(10_000) }
}
