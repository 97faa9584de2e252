// The supervisor's state of one instance.

public import Foundations

/// The state of an instance.
public enum InstanceState: Hashable, Sendable {
  /// Waits for the services it depends on.
  case waiting
  case running(since: Instant)
  /// Ended; starts again at `until`.
  case backingOff(until: Instant)
  /// Was asked to stop; is killed at `killAt`.
  case stopping(killAt: Instant, then: AfterStop)
  /// Ended by itself; does not start again.
  case finished(ExitReason)
  /// Failed to start too often; does not start again.
  case failed
  /// Stopped as asked.
  case stopped

  /// What follows once a stopping process has ended.
  public enum AfterStop: Hashable, Sendable {
    case stay, start, remove
  }
}

extension Supervisor {
  struct Member: Sendable {
    struct Health: Hashable {
      var isHealthy = false
      var failures = 0
      var nextCheck = Instant.never
      /// When the running check is cancelled; nil if none runs.
      var checkTimeout: Instant?
    }

    var state = InstanceState.waiting
    /// Starts in a row that ended before `Limits.startedAfter`.
    var failedStarts = 0
    /// Restarts in a row.
    var restarts = 0
    var backOff = Instant.Span.zero
    /// Whether it was started at least once, the condition `service_started`.
    var wasStarted = false
    var health = Health()
    /// Whether it waits for a replica that has ended; this was reported.
    var isBlocked = false

    var isProcess: Bool {
      switch state {
      case .running, .stopping: true
      default: false
      }
    }

    /// Whether it was asked to stop and start again.
    var startsAgain: Bool {
      if case .stopping(_, .start) = state { return true }
      return false
    }

    /// Whether it has no process but will get one.
    var isDue: Bool {
      switch state {
      case .waiting, .backingOff: true
      default: false
      }
    }

    var deadline: Instant {
      switch state {
      case .waiting, .finished, .failed, .stopped: .never
      case .running: health.checkTimeout ?? health.nextCheck
      case .backingOff(let until): until
      case .stopping(let killAt, _): killAt
      }
    }
  }
}
