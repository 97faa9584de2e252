// How a process ended.

/// The end of a process, as `waitpid` tells it.
public enum ExitReason: Hashable, Sendable, CustomStringConvertible {
  case code(Int32)
  case signal(Int32)

  /// Decodes a status of `waitpid`.
  public init(status: Int32) {
    let signal = status & 0x7F
    self = signal == 0 ? .code((status >> 8) & 0xFF) : .signal(signal)
  }

  public var isSuccess: Bool { self == .code(0) }

  public var description: String {
    switch self {
    case .code(let code): "exit code \(code)"
    case .signal(let number): SignalName.name(of: number)
    }
  }
}
