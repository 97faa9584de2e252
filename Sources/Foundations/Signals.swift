// Signals to poll for, instead of interrupts.

internal import CKernels
internal import Glibc

/// Settings for this process's signals. Call `block` (or make a `SignalDescriptor`) first of all: a
/// thread inherits the mask of the thread that makes it.
public enum Signals {
  /// SIGTERM and SIGINT: requests to stop.
  public static var termination: [Int32] { [SIGTERM, SIGINT] }
  /// SIGCHLD: a child has ended or stopped.
  public static var childEnded: Int32 { SIGCHLD }

  /// Blocks `signals` in the calling thread and in threads that it makes from now on. A signal that
  /// reaches an older thread is passed on to the calling thread, where it waits to be read. (A
  /// library may make threads before `main`; OpenBLAS does.)
  ///
  /// - Throws: EINVAL for a number that is no signal.
  public static func block(_ signals: [Int32]) throws(SystemCallError) {
    var set = try Self.set(signals)
    let code = rookery_block_signals(&set)
    guard code == 0 else { throw SystemCallError("block signals", code: code) }
  }

  /// Writing to a socket or pipe without a reader then fails with EPIPE instead of ending the
  /// process.
  public static func ignoreBrokenPipes() {
    signal(SIGPIPE, SIG_IGN)
  }

  /// `SIGTERM` → "Terminated".
  public static func name(_ signal: Int32) -> String {
    strsignal(signal).map { String(cString: $0) } ?? "signal \(signal)"
  }

  static func set(_ signals: [Int32]) throws(SystemCallError) -> sigset_t {
    var set = sigset_t()
    sigemptyset(&set)
    for signal in signals where sigaddset(&set, signal) != 0 {
      throw .last("use signal", String(signal))
    }
    return set
  }
}

/// A descriptor (signalfd) that polls readable while one of its signals is pending. Making it
/// blocks them (`Signals.block`): do so before there are other threads, and read it on the same
/// thread.
public struct SignalDescriptor: ~Copyable {
  /// To be polled for reading; close-on-exec; closed with this value.
  public let descriptor: Int32

  public init(_ signals: [Int32]) throws(SystemCallError) {
    try Signals.block(signals)
    var set = try Signals.set(signals)
    let descriptor = rookery_signalfd(&set)
    guard descriptor >= 0 else { throw .last("make a signal descriptor") }
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  /// Reads one pending signal; nil if none is pending. Never waits. Several of one number may be
  /// merged into one.
  public borrowing func read() throws(SystemCallError) -> Int32? {
    let signal = rookery_signalfd_read(descriptor)
    guard signal >= 0 else { throw .last("read a signal descriptor") }
    return signal == 0 ? nil : signal
  }
}
