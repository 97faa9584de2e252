// Health checks.

import Foundations

extension Supervisor {
  /// Longest time to the first check of a service that others wait for.
  private static let firstCheck = Instant.Span.milliseconds(100)
  /// Longest time between checks of such a service until the first success.
  private static let startInterval = Instant.Span.milliseconds(500)

  /// The time from a start to its first check.
  func firstCheck(of service: String, _ check: Healthcheck) -> Instant.Span {
    min(
      interval(of: service, check, upTime: .zero),
      awaited.contains(service) ? Self.firstCheck : check.interval)
  }

  /// The time between checks before the first success.
  private func interval(of service: String, _ check: Healthcheck, upTime: Instant.Span) -> Instant.Span {
    if let interval = check.startInterval { return upTime < check.startPeriod ? interval : check.interval }
    return awaited.contains(service) ? min(check.interval, Self.startInterval) : check.interval
  }

  mutating func advanceHealth(_ instance: Instance, _ now: Instant, _ actions: inout [Action]) {
    guard let check = services[instance.service]?.healthcheck, let health = members[instance]?.health else {
      return
    }
    if let timeout = health.checkTimeout {
      guard now >= timeout else { return }
      actions.append(.cancelCheck(instance))
      finishCheck(instance, healthy: false, now, &actions)
    } else if now >= health.nextCheck {
      members[instance]?.health.checkTimeout = now + check.timeout
      actions.append(.check(instance))
    }
  }

  mutating func checked(_ instance: Instance, _ healthy: Bool, _ now: Instant, _ actions: inout [Action]) {
    guard members[instance]?.health.checkTimeout != nil else { return }
    finishCheck(instance, healthy: healthy, now, &actions)
  }

  /// Cancels a running check because the instance's process has ended or is being stopped.
  mutating func endCheck(_ instance: Instance, _ actions: inout [Action]) {
    guard members[instance]?.health.checkTimeout != nil else { return }
    members[instance]?.health.checkTimeout = nil
    actions.append(.cancelCheck(instance))
  }

  private mutating func finishCheck(
    _ instance: Instance, healthy: Bool, _ now: Instant, _ actions: inout [Action]
  ) {
    guard let check = services[instance.service]?.healthcheck, let member = members[instance],
      case .running(let since) = member.state
    else { return }
    var health = member.health
    health.checkTimeout = nil
    if healthy {
      health.failures = 0
      if !health.isHealthy { actions.append(.report(.healthy(instance))) }
      health.isHealthy = true
    } else if health.isHealthy || now - since >= check.startPeriod {
      health.failures += 1
      if health.failures == check.retries {
        health.isHealthy = false
        actions.append(.report(.unhealthy(instance)))
      }
    }
    health.nextCheck =
      now
      + (health.isHealthy ? check.interval : interval(of: instance.service, check, upTime: now - since))
    members[instance]?.health = health
  }
}
