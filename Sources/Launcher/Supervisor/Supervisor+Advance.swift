// Starts, kills and ordered stops that are due.

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

  /// Starts the instances whose dependencies are up. Each start may be the last that another
  /// instance waits for.
  private mutating func startWaiting(_ now: Instant, _ actions: inout [Action]) {
    var waiting = members.filter { $0.value.state == .waiting }.keys.sorted()
    while true {
      let ready = waiting.filter { dependenciesAreUp(of: $0.service) }
      if ready.isEmpty { break }
      for instance in ready { start(instance, now, &actions) }
      waiting.removeAll { ready.contains($0) }
    }
    reportBlocked(waiting, &actions)
  }

  /// Reports once for each instance that a replica it waits for has ended. The instance goes on
  /// waiting, as the other service may be restarted.
  private mutating func reportBlocked(_ waiting: [Instance], _ actions: inout [Action]) {
    let new = waiting.filter { members[$0]?.isBlocked == false }
    var blockers: [String: Instance] = [:]
    for service in Set(new.map(\.service)) { blockers[service] = lostDependency(of: service) }
    for instance in new {
      guard let blocker = blockers[instance.service] else { continue }
      members[instance]?.isBlocked = true
      actions.append(.report(.blocked(instance, by: blocker)))
    }
  }

  /// A replica of a dependency that has ended and therefore never meets the condition; nil if none.
  private func lostDependency(of service: String) -> Instance? {
    for dependency in services[service]?.dependencies ?? [] where dependency.condition != .started {
      let lost = members.filter { instance, member in
        guard instance.service == dependency.service else { return false }
        switch member.state {
        case .failed, .stopped: return true
        case .finished(let reason): return dependency.condition == .healthy || !reason.isSuccess
        default: return false
        }
      }
      if let first = lost.keys.min() { return first }
    }
    return nil
  }

  private mutating func start(_ instance: Instance, _ now: Instant, _ actions: inout [Action]) {
    members[instance]?.state = .running(since: now)
    members[instance]?.wasStarted = true
    members[instance]?.health = Member.Health()
    members[instance]?.isBlocked = false
    if let check = services[instance.service]?.healthcheck {
      let delay = firstCheck(of: instance.service, check)
      members[instance]?.health.nextCheck = now + delay
    }
    actions.append(.start(instance))
  }

  private func dependenciesAreUp(of service: String) -> Bool {
    (services[service]?.dependencies ?? []).allSatisfy { dependency in
      members.allSatisfy { instance, member in
        guard instance.service == dependency.service, !member.isLeaving else { return true }
        switch dependency.condition {
        case .started: return member.wasStarted && !member.startsAgain
        case .healthy: return member.health.isHealthy
        case .completed: return member.state == .finished(.code(0))
        }
      }
    }
  }

  /// Begins to stop an instance's process. Without a running process, only `next` takes effect.
  mutating func stop(
    _ instance: Instance, then next: InstanceState.AfterStop, _ now: Instant, _ actions: inout [Action]
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

  /// Stops the services on which no running service depends.
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
