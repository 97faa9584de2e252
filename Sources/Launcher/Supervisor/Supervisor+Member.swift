// What the supervisor knows of one instance.

public import Foundations

/// What an instance does.
public enum InstanceState: Hashable, Sendable {
  /// For the services it depends on.
  case waiting
  case running(since: Instant)
  /// Ended; starts again then.
  case backingOff(until: Instant)
  /// Asked to; it is killed then.
  case stopping(killAt: Instant, then: AfterStop)
  /// Ended for good by itself.
  case finished(ExitReason)
  /// Given up.
  case failed
  /// Stopped as asked.
  case stopped

  /// What follows once a stopping process is gone.
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
      /// When the check under way is given up.
      var checkTimeout: Instant?
    }

    var state = InstanceState.waiting
    /// Starts in a row that ended before `Limits.startedAfter`.
    var failedStarts = 0
    /// Restarts in a row.
    var restarts = 0
    var backOff = Instant.Span.zero
    /// It was up once, which is what `service_started` asks.
    var wasStarted = false
    var health = Health()
    /// It waits for something that ended, and that was reported.
    var isBlocked = false

    var isProcess: Bool {
      switch state {
      case .running, .stopping: true
      default: false
      }
    }

    /// It was asked to stop and to start again.
    var startsAgain: Bool {
      if case .stopping(_, .start) = state { return true }
      return false
    }

    /// It has no process, but would get one.
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
