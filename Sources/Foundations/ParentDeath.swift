// Processes that end with their parent.

internal import CKernels
internal import Glibc

/// Ends this process when its parent ends.
public enum ParentDeath {
  /// From now on the kernel sends `signal` (SIGKILL to be certain) to this process when its parent
  /// ends, however it ends. This survives `exec`, so a helper can arm it and then become any
  /// program.
  ///
  /// The signal comes when the *thread* that started this process ends (prctl(2),
  /// PR_SET_PDEATHSIG). So a parent must start children from its main thread. Children of this
  /// process do not inherit it.
  ///
  /// - Parameter parent: the process id of the parent, from the parent itself.
  /// - Throws: ESRCH if `parent` is no longer this process's parent: it ended before this call, so
  ///   give up.
  public static func arm(signal: Int32, parent: Int32) throws(SystemCallError) {
    guard rookery_set_parent_death_signal(signal) == 0 else { throw .last("arm signal", String(signal)) }
    // The order matters: the kernel notices a parent that ends after the call above, this one that
    // ended before.
    guard getppid() == parent else {
      throw SystemCallError("watch parent process", String(parent), code: ESRCH)
    }
  }
}
