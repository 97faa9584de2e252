// Reports as text.

import Foundations

extension Supervisor.Report: CustomStringConvertible {
  public var description: String {
    switch self {
    case .exited(let instance, let reason, let delay):
      "\(instance) ended (\(reason))\(Self.next(delay))"
    case .startFailed(let instance, let text, let delay):
      "\(instance) could not be started: \(text)\(Self.next(delay))"
    case .crashLoop(let instance, let count):
      "\(instance) failed: \(count) starts in a row ended at once; it is not started again"
    case .healthy(let instance): "\(instance) is healthy"
    case .unhealthy(let instance): "\(instance) is unhealthy"
    case .killed(let instance): "\(instance) did not stop in time and is killed"
    case .stopped(let instance): "\(instance) stopped"
    case .blocked(let instance, let other): "\(instance) does not start: it depends on \(other), which ended"
    }
  }

  /// The instance of the report; for `.blocked` the one that waits.
  public var instance: Instance {
    switch self {
    case .exited(let instance, _, _), .startFailed(let instance, _, _), .crashLoop(let instance, _),
      .healthy(let instance), .unhealthy(let instance), .killed(let instance), .stopped(let instance),
      .blocked(let instance, _):
      instance
    }
  }

  /// Whether the process failed and does not start again.
  public var isFinalFailure: Bool {
    switch self {
    case .exited(_, let reason, restartIn: nil): !reason.isSuccess
    case .startFailed(_, _, restartIn: nil), .crashLoop: true
    default: false
    }
  }

  /// Whether the process had to be killed.
  public var isKill: Bool {
    if case .killed = self { return true }
    return false
  }

  /// Whether the log's last line probably gives the reason; a killed process writes none.
  var isExplained: Bool {
    if case .exited(_, .code(let code), _) = self { return code != 0 }
    return isFinalFailure
  }

  private static func next(_ delay: Instant.Span?) -> String {
    guard let delay else { return "" }
    return "; it starts again in \((delay.seconds * 10).rounded() / 10) s"
  }
}
