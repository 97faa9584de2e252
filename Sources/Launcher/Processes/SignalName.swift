// Signals by name.

internal import Glibc

/// The signals that a compose file may name.
public enum SignalName {
  private static let names: [(String, Int32)] = [
    ("HUP", SIGHUP), ("INT", SIGINT), ("QUIT", SIGQUIT), ("ABRT", SIGABRT), ("KILL", SIGKILL),
    ("USR1", SIGUSR1),
    ("USR2", SIGUSR2), ("PIPE", SIGPIPE), ("ALRM", SIGALRM), ("TERM", SIGTERM), ("SEGV", SIGSEGV),
    ("BUS", SIGBUS), ("FPE", SIGFPE), ("ILL", SIGILL), ("TRAP", SIGTRAP), ("CONT", SIGCONT),
    ("WINCH", SIGWINCH),
  ]

  /// SIGKILL, for files that do not import the C library.
  public static let kill = SIGKILL

  /// The number of `SIGTERM`, `TERM` or `15`; nil for an unknown signal.
  public static func number(of text: String) -> Int32? {
    if let number = Int32(text) { return (1...64).contains(number) ? number : nil }
    let name = text.hasPrefix("SIG") ? String(text.dropFirst(3)) : text
    return names.first { $0.0 == name }?.1
  }

  /// The name of a signal: `SIGTERM`, or `signal 40` for a signal without a name here.
  public static func name(of number: Int32) -> String {
    names.first { $0.1 == number }.map { "SIG\($0.0)" } ?? "signal \(number)"
  }
}
