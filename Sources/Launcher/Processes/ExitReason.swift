// How a process ended.

internal import Foundations

/// The exit code of a process, or the number of the signal that ended it.
public enum ExitReason: Hashable, Sendable, CustomStringConvertible {
  case code(Int32)
  case signal(Int32)

  init(_ status: ExitStatus) {
    switch status {
    case .exited(let code): self = .code(code)
    case .signaled(let number): self = .signal(number)
    }
  }

  /// Whether it is exit code 0.
  public var isSuccess: Bool { self == .code(0) }

  public var description: String {
    switch self {
    case .code(let code): "exit code \(code)"
    case .signal(let number): SignalName.name(of: number)
    }
  }
}
