// Scaling and restarts on request.

import Foundations

extension Supervisor {
  /// Replicas of a service, without those that are being removed.
  func count(of service: String) -> Int {
    members.count { $0.key.service == service && !$0.value.isLeaving }
  }

  /// Whether an instance is stopping and will be removed.
  func isLeaving(_ instance: Instance) -> Bool { members[instance]?.isLeaving ?? false }

  /// Adds or removes replicas. The highest numbers are removed. New replicas get the numbers of
  /// those that are being removed, then the lowest free ones.
  mutating func scale(_ service: String, _ count: Int, _ now: Instant, _ actions: inout [Action]) {
    guard services[service] != nil, !isStopping, count >= 0 else { return }
    let own = members.keys.filter { $0.service == service }.sorted()
    var kept = own.filter { members[$0]?.isLeaving == false }
    while kept.count > count {
      stop(kept.removeLast(), then: .remove, now, &actions)
    }
    var leaving = own.filter { members[$0]?.isLeaving == true }
    var replica = 1
    while kept.count < count {
      if leaving.isEmpty {
        while members[Instance(service, replica)] != nil { replica += 1 }
        let instance = Instance(service, replica)
        members[instance] = Member()
        kept.append(instance)
      } else {
        let instance = leaving.removeFirst()
        stop(instance, then: .start, now, &actions)
        kept.append(instance)
      }
    }
  }

  /// Stops each replica and starts it again, also those that have finished or failed. Services with
  /// `depends_on: … restart: true` on it are restarted too, once it is up again.
  mutating func restart(_ service: String, _ now: Instant, _ actions: inout [Action]) {
    let affected = servicesToRestart(with: service)
    for instance in members.keys.sorted() where affected.contains(instance.service) {
      restart(instance, now, &actions)
    }
  }

  mutating func restart(_ instance: Instance, _ now: Instant, _ actions: inout [Action]) {
    guard !isStopping, members[instance]?.isLeaving == false else { return }
    stop(instance, then: .start, now, &actions)
  }

  private func servicesToRestart(with service: String) -> Set<String> {
    var affected: Set<String> = [service]
    var isGrowing = true
    while isGrowing {
      let more = services.values.filter { other in
        !affected.contains(other.name)
          && other.dependencies.contains { $0.restarts && affected.contains($0.service) }
      }
      affected.formUnion(more.map(\.name))
      isGrowing = !more.isEmpty
    }
    return affected
  }
}

extension Supervisor.Member {
  /// Whether it is stopping and will be removed.
  var isLeaving: Bool {
    if case .stopping(_, .remove) = state { return true }
    return false
  }
}
