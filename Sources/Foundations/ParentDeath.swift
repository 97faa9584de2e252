// Not outliving whoever started us.

internal import CKernels
internal import Glibc

/// Ends this process when its parent ends.
public enum ParentDeath {
  /// From now on the kernel sends `signal` (SIGKILL for certain) to this process when its parent is gone, however that died.
  /// It survives `exec`, so a helper can arm it and then become any program.
  ///
  /// It fires when the *thread* that started this process ends (prctl(2), PR_SET_PDEATHSIG): a parent must start
  /// children from its main thread. Children of this process do not inherit it.
  ///
  /// - Parameter parent: the process that started this one, as told by it.
  /// - Throws: ESRCH if `parent` is not this process's parent any more: it died before this call, so give up.
  public static func arm(signal: Int32, parent: Int32) throws(SystemCallError) {
    guard rookery_set_parent_death_signal(signal) == 0 else { throw .last("arm signal", String(signal)) }
    // The order matters: a parent that dies after the call above is noticed by the kernel, one before it here.
    guard getppid() == parent else {
      throw SystemCallError("follow parent process", String(parent), code: ESRCH)
    }
  }
}
