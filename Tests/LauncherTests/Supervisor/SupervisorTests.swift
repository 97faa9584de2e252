// The supervisor with inputs and times chosen by the test.

import Foundations
import Launcher
import Testing

@Suite struct SupervisorTests {
  private func service(
    _ name: String, replicas: Int = 1, _ restart: RestartPolicy = .always, after: [String] = []
  ) -> ComposeService {
    var service = ComposeService(name: name, command: [name])
    service.replicas = replicas
    service.restart = restart
    service.dependencies = after.map { .init($0) }
    return service
  }

  private func at(_ seconds: Double) -> Instant { .zero + .seconds(seconds) }

  private func starts(_ actions: [Supervisor.Action]) -> [String] {
    actions.compactMap { if case .start(let instance) = $0 { "\(instance)" } else { nil } }
  }

  private func signals(_ actions: [Supervisor.Action]) -> [String] {
    actions.compactMap { action in
      switch action {
      case .signal(let instance, let number): "\(instance) \(number)"
      case .kill(let instance): "\(instance) kill"
      default: nil
      }
    }
  }

  private func state(_ supervisor: Supervisor, _ instance: Instance) -> InstanceState? {
    supervisor.instances.first { $0.instance == instance }?.state
  }

  @Test func startsDependenciesFirst() {
    var supervisor = Supervisor(services: [
      service("actor", replicas: 2, after: ["replay"]), service("replay", after: ["zoo"]), service("zoo"),
    ])
    #expect(supervisor.nextDeadline == .never && supervisor.isIdle)
    let actions = supervisor.handle(.tick, at: at(0))
    #expect(starts(actions) == ["zoo-1", "replay-1", "actor-1", "actor-2"])
    #expect(!supervisor.isIdle)
    #expect(supervisor.handle(.tick, at: at(1)).isEmpty)
  }

  @Test func backOffDoublesUpToItsMaximum() {
    var limits = Supervisor.Limits()
    limits.failedStartsMax = 100
    var supervisor = Supervisor(services: [service("a")], limits: limits)
    let a = Instance("a", 1)
    _ = supervisor.handle(.tick, at: at(0))
    var now = at(0)
    var delays: [Double] = []
    for _ in 0..<8 {
      _ = supervisor.handle(.exited(a, .code(1)), at: now)
      let due = supervisor.nextDeadline
      delays.append((due - now).seconds)
      #expect(starts(supervisor.handle(.tick, at: due - Instant.Span(nanoseconds: 1))).isEmpty)
      #expect(starts(supervisor.handle(.tick, at: due)) == ["a-1"])
      now = due
    }
    #expect(delays == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5, 5])
    // Ten seconds up: the back-off begins at its minimum again.
    now += .seconds(10)
    let actions = supervisor.handle(.exited(a, .signal(9)), at: now)
    #expect(actions == [.report(.exited(a, .signal(9), restartIn: .milliseconds(100)))])
  }

  @Test func crashLoopIsGivenUp() {
    var supervisor = Supervisor(services: [service("a")])
    let a = Instance("a", 1)
    _ = supervisor.handle(.tick, at: at(0))
    for count in 1...6 {
      let due = supervisor.nextDeadline
      let now = count == 1 ? at(0) : due
      if count > 1 { #expect(starts(supervisor.handle(.tick, at: now)) == ["a-1"]) }
      let actions = supervisor.handle(.exited(a, .code(1)), at: now + .seconds(1))
      #expect(actions.contains(.report(.crashLoop(a, failedStarts: 6))) == (count == 6))
    }
    #expect(state(supervisor, a) == .failed)
    #expect(supervisor.nextDeadline == .never && supervisor.isIdle)
    #expect(starts(supervisor.handle(.tick, at: at(1000))).isEmpty)
    #expect(starts(supervisor.handle(.restart("a"), at: at(1001))) == ["a-1"])
  }

  @Test func twoSecondsUpBreakTheLoop() {
    var supervisor = Supervisor(services: [service("a")])
    let a = Instance("a", 1)
    var now = at(0)
    for _ in 0..<50 {
      #expect(starts(supervisor.handle(.tick, at: now)) == ["a-1"])
      now += .seconds(2)
      _ = supervisor.handle(.exited(a, .code(1)), at: now)
      now = supervisor.nextDeadline
    }
  }

  @Test(arguments: [
    (RestartPolicy.no, ExitReason.code(1), false), (.no, .code(0), false),
    (.onFailure(limit: nil), .code(0), false),
    (.onFailure(limit: nil), .signal(9), true), (.always, .code(0), true), (.unlessStopped, .code(0), true),
  ])
  func policies(policy: RestartPolicy, reason: ExitReason, restarts: Bool) {
    var supervisor = Supervisor(services: [service("a", policy)])
    _ = supervisor.handle(.tick, at: at(0))
    let actions = supervisor.handle(.exited(Instance("a", 1), reason), at: at(60))
    let delay: Instant.Span? = restarts ? .milliseconds(100) : nil
    #expect(actions == [.report(.exited(Instance("a", 1), reason, restartIn: delay))])
    #expect((state(supervisor, Instance("a", 1)) == .finished(reason)) == !restarts)
  }

  @Test func onFailureHasALimit() {
    var supervisor = Supervisor(services: [service("a", .onFailure(limit: 2))])
    var now = at(0)
    var count = 0
    while starts(supervisor.handle(.tick, at: now)) == ["a-1"] {
      count += 1
      now += .seconds(5)
      _ = supervisor.handle(.exited(Instance("a", 1), .code(3)), at: now)
      now = min(supervisor.nextDeadline, now + .seconds(100))
    }
    #expect(count == 3)
    #expect(state(supervisor, Instance("a", 1)) == .finished(.code(3)))
  }

  @Test func failedStartsCount() {
    var supervisor = Supervisor(services: [service("a")])
    let a = Instance("a", 1)
    var now = at(0)
    var reports: [Supervisor.Action] = []
    while starts(supervisor.handle(.tick, at: now)) == ["a-1"] {
      reports += supervisor.handle(.startFailed(a, "no such file"), at: now)
      now = min(supervisor.nextDeadline, now + .seconds(100))
    }
    #expect(reports.first == .report(.startFailed(a, "no such file", restartIn: .milliseconds(100))))
    #expect(reports.count == 7 && reports.last == .report(.crashLoop(a, failedStarts: 6)))
  }

  @Test func scalesUpAndDown() {
    var supervisor = Supervisor(services: [service("a", replicas: 2), service("b")])
    _ = supervisor.handle(.tick, at: at(0))
    #expect(starts(supervisor.handle(.scale("a", 4), at: at(1))) == ["a-3", "a-4"])
    #expect(signals(supervisor.handle(.scale("a", 1), at: at(2))) == ["a-4 15", "a-3 15", "a-2 15"])
    // Scaled up again while three are being removed: they start again with their numbers once they
    // have ended.
    #expect(supervisor.handle(.scale("a", 3), at: at(3)).isEmpty)
    #expect(starts(supervisor.handle(.exited(Instance("a", 2), .code(0)), at: at(3))) == ["a-2"])
    #expect(starts(supervisor.handle(.exited(Instance("a", 4), .code(0)), at: at(3))).isEmpty)
    #expect(starts(supervisor.handle(.exited(Instance("a", 3), .code(0)), at: at(3))) == ["a-3"])
    #expect(supervisor.instances.map { "\($0.instance)" } == ["a-1", "a-2", "a-3", "b-1"])
    #expect(signals(supervisor.handle(.scale("a", 0), at: at(4))).count == 3)
    #expect(supervisor.handle(.scale("unknown", 3), at: at(4)).isEmpty)
  }

  @Test func aBackingOffReplicaLeavesAtOnce() {
    var supervisor = Supervisor(services: [service("a", replicas: 2)])
    _ = supervisor.handle(.tick, at: at(0))
    _ = supervisor.handle(.exited(Instance("a", 2), .code(1)), at: at(1))
    #expect(signals(supervisor.handle(.scale("a", 1), at: at(1))).isEmpty)
    #expect(supervisor.instances.count == 1)
    #expect(starts(supervisor.handle(.tick, at: at(100))).isEmpty)
  }

  @Test func stopsInOppositeOrderAndKillsWhoStays() {
    var supervisor = Supervisor(services: [
      service("replay"), service("actor", replicas: 2, after: ["replay"]), service("other"),
    ])
    _ = supervisor.handle(.tick, at: at(0))
    #expect(signals(supervisor.handle(.down, at: at(1))) == ["actor-1 15", "actor-2 15", "other-1 15"])
    #expect(supervisor.handle(.scale("actor", 9), at: at(1)).isEmpty)
    _ = supervisor.handle(.exited(Instance("actor", 1), .code(1)), at: at(2))
    _ = supervisor.handle(.exited(Instance("other", 1), .code(0)), at: at(2))
    #expect(supervisor.nextDeadline == at(11))
    let late = supervisor.handle(.tick, at: at(11))
    #expect(late == [.report(.killed(Instance("actor", 2))), .kill(Instance("actor", 2))])
    #expect(supervisor.handle(.tick, at: at(12)).isEmpty && supervisor.nextDeadline == .never)
    let last = supervisor.handle(.exited(Instance("actor", 2), .signal(9)), at: at(12))
    #expect(signals(last) == ["replay-1 15"])
    #expect(!supervisor.isIdle)
    _ = supervisor.handle(.exited(Instance("replay", 1), .code(0)), at: at(13))
    #expect(supervisor.isIdle && supervisor.nextDeadline == .never)
    #expect(starts(supervisor.handle(.tick, at: at(1000))).isEmpty)
  }

  @Test func downForgetsRestarts() {
    var supervisor = Supervisor(services: [service("a"), service("b")])
    _ = supervisor.handle(.tick, at: at(0))
    _ = supervisor.handle(.exited(Instance("a", 1), .code(1)), at: at(5))
    _ = supervisor.handle(.restart("b"), at: at(5))
    _ = supervisor.handle(.down, at: at(5))
    #expect(starts(supervisor.handle(.exited(Instance("b", 1), .code(0)), at: at(6))).isEmpty)
    #expect(starts(supervisor.handle(.tick, at: at(100))).isEmpty && supervisor.isIdle)
  }

  @Test func restartStopsAndStarts() {
    var supervisor = Supervisor(services: [service("a", replicas: 2)])
    _ = supervisor.handle(.tick, at: at(0))
    #expect(signals(supervisor.handle(.restart("a"), at: at(1))) == ["a-1 15", "a-2 15"])
    #expect(starts(supervisor.handle(.exited(Instance("a", 2), .code(0)), at: at(2))) == ["a-2"])
    #expect(state(supervisor, Instance("a", 2)) == .running(since: at(2)))
  }

  @Test func healthGatesDependents() {
    var check = Healthcheck(command: ["probe"])
    (check.interval, check.timeout, check.retries) = (.seconds(5), .seconds(2), 2)
    var replay = service("replay")
    replay.healthcheck = check
    var actor = service("actor")
    actor.dependencies = [.init("replay", .healthy)]
    var supervisor = Supervisor(services: [actor, replay])
    let instance = Instance("replay", 1)
    #expect(starts(supervisor.handle(.tick, at: at(0))) == ["replay-1"])
    var now = supervisor.nextDeadline
    #expect(supervisor.handle(.tick, at: now) == [.check(instance)])
    // The check takes too long.
    #expect(supervisor.nextDeadline == now + .seconds(2))
    now += .seconds(2)
    #expect(supervisor.handle(.tick, at: now) == [.cancelCheck(instance)])
    #expect(supervisor.handle(.checked(instance, healthy: true), at: now).isEmpty)  // too late
    now = supervisor.nextDeadline
    #expect(supervisor.handle(.tick, at: now) == [.check(instance)])
    #expect(supervisor.handle(.checked(instance, healthy: false), at: now) == [.report(.unhealthy(instance))])
    now = supervisor.nextDeadline
    #expect(supervisor.handle(.tick, at: now) == [.check(instance)])
    let actions = supervisor.handle(.checked(instance, healthy: true), at: now)
    #expect(actions == [.report(.healthy(instance)), .start(Instance("actor", 1))])
    #expect(supervisor.nextDeadline == now + .seconds(5))
    // The end of the process cancels a running check.
    now = supervisor.nextDeadline
    _ = supervisor.handle(.tick, at: now)
    #expect(supervisor.handle(.exited(instance, .code(1)), at: now).first == .cancelCheck(instance))
  }

  @Test func strangersAreIgnored() {
    var supervisor = Supervisor(services: [service("a")])
    #expect(supervisor.handle(.exited(Instance("x", 1), .code(0)), at: at(0)) == [.start(Instance("a", 1))])
    #expect(supervisor.handle(.checked(Instance("a", 1), healthy: true), at: at(0)).isEmpty)
    #expect(supervisor.handle(.startFailed(Instance("x", 9), ""), at: at(0)).isEmpty)
    #expect(supervisor.handle(.scale("a", -1), at: at(0)).isEmpty)
  }
}
