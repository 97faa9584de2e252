// How a process ended.

/// A process's end: by itself with a code, or by a signal.
public enum ExitStatus: Hashable, Sendable, CustomStringConvertible {
  case exited(code: Int32)
  case signaled(Int32)

  /// Whether the process exited with code 0.
  public var isSuccess: Bool { self == .exited(code: 0) }

  public var description: String {
    switch self {
    case .exited(let code): "exit code \(code)"
    case .signaled(let signal): "signal \(signal) (\(Signals.name(signal)))"
    }
  }
}
