// What is due: starts, kills, and stops in order.

import Foundations

extension Supervisor {
  mutating func advance(_ now: Instant, _ actions: inout [Action]) {
    if isStopping { stopInOrder(now, &actions) }
    for (instance, member) in members.sorted(by: { $0.key < $1.key }) {
      switch member.state {
      case .backingOff(let until):
        if !isStopping, now >= until { start(instance, now, &actions) }
      case .stopping(let killAt, let next):
        guard now >= killAt else { continue }
        members[instance]?.state = .stopping(killAt: .never, then: next)
        actions.append(.report(.killed(instance)))
        actions.append(.kill(instance))
      case .running:
        advanceHealth(instance, now, &actions)
      case .waiting, .finished, .failed, .stopped: break
      }
    }
    if !isStopping { startWaiting(now, &actions) }
  }

  /// Starts what waits for nothing more; each start may free others.
  private mutating func startWaiting(_ now: Instant, _ actions: inout [Action]) {
    var waiting = members.filter { $0.value.state == .waiting }.keys.sorted()
    while true {
      let ready = waiting.filter { dependenciesAreUp(of: $0.service) }
      if ready.isEmpty { return }
      for instance in ready { start(instance, now, &actions) }
      waiting.removeAll { ready.contains($0) }
    }
  }

  private mutating func start(_ instance: Instance, _ now: Instant, _ actions: inout [Action]) {
    members[instance]?.state = .running(since: now)
    members[instance]?.wasStarted = true
    members[instance]?.health = Member.Health()
    if let check = services[instance.service]?.healthcheck {
      members[instance]?.health.nextCheck = now + min(check.interval, Self.firstCheck)
    }
    actions.append(.start(instance))
  }

  private func dependenciesAreUp(of service: String) -> Bool {
    (services[service]?.dependencies ?? []).allSatisfy { dependency in
      members.allSatisfy { instance, member in
        guard instance.service == dependency.service else { return true }
        return dependency.condition == .started ? member.wasStarted : member.health.isHealthy
      }
    }
  }

  /// Begins to stop a process; one that is not running only changes what follows.
  mutating func stop(
    _ instance: Instance, then next: Member.AfterStop, _ now: Instant, _ actions: inout [Action]
  ) {
    guard let member = members[instance], let service = services[instance.service] else { return }
    switch member.state {
    case .running:
      endCheck(instance, &actions)
      members[instance]?.health = Member.Health()
      members[instance]?.state = .stopping(killAt: now + service.stopGrace, then: next)
      actions.append(.signal(instance, service.stopSignal))
    case .stopping(let killAt, _):
      members[instance]?.state = .stopping(killAt: killAt, then: next)
    default:
      switch next {
      case .stay: members[instance]?.state = .stopped
      case .start: members[instance] = Member()
      case .remove: members[instance] = nil
      }
    }
  }

  /// Stops the services that nothing running depends on.
  private mutating func stopInOrder(_ now: Instant, _ actions: inout [Action]) {
    let alive = Set(members.filter(\.value.isProcess).keys.map(\.service))
    let needed = Set(alive.flatMap { services[$0]?.dependencies.map(\.service) ?? [] })
    for (instance, member) in members.sorted(by: { $0.key < $1.key }) {
      guard member.isProcess else { continue }
      if case .stopping(let killAt, _) = member.state {
        members[instance]?.state = .stopping(killAt: killAt, then: .stay)
      } else if !needed.contains(instance.service) {
        stop(instance, then: .stay, now, &actions)
      }
    }
  }
}
