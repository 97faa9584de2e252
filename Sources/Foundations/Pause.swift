// Waiting a little for others.

internal import Glibc

/// Between two questions to another process.
public enum Pause {
  public static func short() { usleep(10_000) }
}
