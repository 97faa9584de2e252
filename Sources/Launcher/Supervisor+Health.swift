// Health checks.

import Foundations

extension Supervisor {
  /// The first check comes at latest after this, not after a whole interval, so that dependents start soon.
  static let firstCheck = Instant.Span.milliseconds(100)
  /// Until the first success checks come as often as this, at least.
  private static let startInterval = Instant.Span.milliseconds(500)

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

  /// Cancels a check under way, because its process ended or is asked to.
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
    let interval = health.isHealthy ? check.interval : min(check.interval, Self.startInterval)
    health.nextCheck = now + interval
    members[instance]?.health = health
  }
}
