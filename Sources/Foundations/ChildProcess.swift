// A started program.

internal import CKernels
internal import Glibc

/// A child and the process group that it leads.
///
/// Call `poll` or `wait` until there is a status, or the child stays a zombie. Belongs to one
/// thread.
public final class ChildProcess {
  /// The process id, and the id of its group.
  public let identifier: Int32
  /// Polls readable once the child has ended (pidfd). −1 if the kernel gave none (before Linux 5.3,
  /// or out of descriptors). Closed with this object.
  public let descriptor: Int32
  /// How it ended, once `poll` or `wait` has seen it.
  public private(set) var status: ExitStatus?

  init(process: pid_t) {
    identifier = process
    descriptor = rookery_pidfd_open(process)
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
  }

  /// How the child ended, or nil while it runs. Never waits. Kills the rest of the child's group
  /// before it reaps the child, so nothing that the child started in its group outlives it.
  public func poll() throws(SystemCallError) -> ExitStatus? { try look(waiting: false) }

  /// Waits until the child has ended.
  @discardableResult
  public func wait() throws(SystemCallError) -> ExitStatus {
    while true {
      if let status = try look(waiting: true) { return status }
    }
  }

  /// Sends `signal` to the child alone; false if it has ended.
  @discardableResult
  public func send(_ signal: Int32) throws(SystemCallError) -> Bool { try send(signal, to: identifier) }

  /// Sends `signal` to the child's whole group; false if the child has ended and was reaped.
  @discardableResult
  public func sendToGroup(_ signal: Int32) throws(SystemCallError) -> Bool {
    try send(signal, to: -identifier)
  }

  /// Asks the child to stop (SIGTERM).
  @discardableResult
  public func terminate() throws(SystemCallError) -> Bool { try send(SIGTERM) }

  /// Ends the whole group at once (SIGKILL).
  @discardableResult
  public func kill() throws(SystemCallError) -> Bool { try sendToGroup(SIGKILL) }

  private func send(_ signal: Int32, to target: pid_t) throws(SystemCallError) -> Bool {
    // Until the child is reaped, no other process can get its number.
    guard status == nil else { return false }
    if Glibc.kill(target, signal) == 0 { return true }
    if errno == ESRCH { return false }
    throw .last("signal process", String(identifier))
  }

  private func look(waiting: Bool) throws(SystemCallError) -> ExitStatus? {
    if let status { return status }
    var information = siginfo_t()
    let options = WEXITED | WNOWAIT | (waiting ? 0 : WNOHANG)
    while waitid(P_PID, id_t(identifier), &information, options) != 0 {
      guard errno == EINTR else { throw .last("wait for process", String(identifier)) }
    }
    // With WNOHANG and no news, si_signo stays 0.
    guard information.si_signo != 0 else { return nil }
    _ = Glibc.kill(-identifier, SIGKILL)
    var raw: Int32 = 0
    while waitpid(identifier, &raw, 0) < 0 {
      guard errno == EINTR else { throw .last("wait for process", String(identifier)) }
    }
    let signal = raw & 0x7F
    status = signal == 0 ? .exited(code: (raw >> 8) & 0xFF) : .signaled(signal)
    return status
  }
}
