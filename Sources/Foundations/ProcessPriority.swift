// Lets other processes go first.

internal import Glibc

/// The priority of this process for the processor.
public enum ProcessPriority {
  /// Lets other processes go first (nice 10). On Linux it holds for the calling thread and those
  /// that it starts from now on.
  public static func lower() { setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10) }
}
