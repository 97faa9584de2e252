// Ends of processes and restarts.

import Foundations

extension Supervisor {
  mutating func exited(
    _ instance: Instance, _ reason: ExitReason, _ now: Instant, _ actions: inout [Action]
  ) {
    guard let member = members[instance] else { return }
    endCheck(instance, &actions)
    switch member.state {
    case .stopping(_, let next):
      actions.append(.report(.stopped(instance)))
      switch next {
      case .stay: members[instance]?.state = .stopped
      case .start: members[instance] = Member()
      case .remove: members[instance] = nil
      }
    case .running(let since):
      let upTime = now - since
      if upTime >= pacing(of: instance).window ?? limits.backOffReset {
        members[instance]?.backOff = .zero
        members[instance]?.restarts = 0
      }
      members[instance]?.failedStarts = upTime < limits.startedAfter ? member.failedStarts + 1 : 0
      let delay = restartDelay(instance, reason)
      members[instance]?.state = delay.map { .backingOff(until: now + $0) } ?? .finished(reason)
      actions.append(.report(.exited(instance, reason, restartIn: delay)))
      giveUpOnCrashLoop(instance, &actions)
    default: return
    }
  }

  mutating func startFailed(
    _ instance: Instance, _ text: String, _ now: Instant, _ actions: inout [Action]
  ) {
    guard let member = members[instance], member.isProcess else { return }
    if case .stopping = member.state { return exited(instance, .code(127), now, &actions) }
    members[instance]?.failedStarts += 1
    let delay = restartDelay(instance, .code(127))  // a shell's code for a command that cannot be run
    members[instance]?.state = delay.map { .backingOff(until: now + $0) } ?? .finished(.code(127))
    actions.append(.report(.startFailed(instance, text, restartIn: delay)))
    giveUpOnCrashLoop(instance, &actions)
  }

  /// Time before the next start; nil if the policy allows none.
  private mutating func restartDelay(_ instance: Instance, _ reason: ExitReason) -> Instant.Span? {
    guard !isStopping, let service = services[instance.service], var member = members[instance],
      member.restarts < service.restartLimit ?? .max
    else { return nil }
    switch service.restart {
    case .no: return nil
    case .onFailure: if reason.isSuccess { return nil }
    case .always, .unlessStopped: break
    }
    member.restarts += 1
    let doubled = Instant.Span(nanoseconds: member.backOff.nanoseconds * 2)
    member.backOff = min(limits.backOffMax, max(limits.backOffMin, doubled))
    members[instance] = member
    return service.restartPacing.delay ?? member.backOff
  }

  private func pacing(of instance: Instance) -> RestartPacing {
    services[instance.service]?.restartPacing ?? RestartPacing()
  }

  /// Gives up after too many failed starts in a row. A limit of the compose file replaces this one.
  private mutating func giveUpOnCrashLoop(_ instance: Instance, _ actions: inout [Action]) {
    guard let member = members[instance], member.failedStarts > limits.failedStartsMax,
      services[instance.service]?.restartLimit == nil, case .backingOff = member.state
    else { return }
    members[instance]?.state = .failed
    actions.append(.report(.crashLoop(instance, failedStarts: member.failedStarts)))
  }
}

extension ComposeService {
  /// Most restarts in a row by the compose file; nil: no limit.
  var restartLimit: Int? {
    if let limit = restartPacing.limit { return limit }
    if case .onFailure(let limit) = restart { return limit }
    return nil
  }
}
