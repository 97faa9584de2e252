// The supervisor with a compose file's restart policies, dependencies and health checks.

import Foundations
import Launcher
import Testing

@Suite struct SupervisorPolicyTests {
  private func service(
    _ name: String, _ restart: RestartPolicy = .no, after: [ComposeService.Dependency] = []
  ) -> ComposeService {
    var service = ComposeService(name: name, command: [name])
    service.restart = restart
    service.dependencies = after
    return service
  }

  private func at(_ seconds: Double) -> Instant { .zero + .seconds(seconds) }

  private func starts(_ actions: [Supervisor.Action]) -> [String] {
    actions.compactMap { if case .start(let instance) = $0 { "\(instance)" } else { nil } }
  }

  private func signals(_ actions: [Supervisor.Action]) -> [String] {
    actions.compactMap { if case .signal(let instance, _) = $0 { "\(instance)" } else { nil } }
  }

  @Test func delayAttemptsAndWindow() {
    var a = service("a", .always)
    (a.restartPacing.delay, a.restartPacing.limit, a.restartPacing.window) = (.seconds(3), 2, .seconds(20))
    var supervisor = Supervisor(services: [a])
    let one = Instance("a", 1)
    var now = at(0)
    _ = supervisor.handle(.tick, at: now)
    func end(after seconds: Double) -> [Supervisor.Action] {
      now += .seconds(seconds)
      return supervisor.handle(.exited(one, .code(0)), at: now)
    }
    #expect(end(after: 1) == [.report(.exited(one, .code(0), restartIn: .seconds(3)))])
    now = supervisor.nextDeadline
    #expect(starts(supervisor.handle(.tick, at: now)) == ["a-1"])
    // Up for less than the window: the second restart in a row.
    #expect(end(after: 19) == [.report(.exited(one, .code(0), restartIn: .seconds(3)))])
    now = supervisor.nextDeadline
    _ = supervisor.handle(.tick, at: now)
    // Up for the whole window: the count begins again at zero.
    #expect(end(after: 20) == [.report(.exited(one, .code(0), restartIn: .seconds(3)))])
    for restart in [true, false] {
      now = supervisor.nextDeadline
      _ = supervisor.handle(.tick, at: now)
      #expect(end(after: 1) == [.report(.exited(one, .code(0), restartIn: restart ? .seconds(3) : nil))])
    }
    #expect(supervisor.isIdle && supervisor.nextDeadline == .never)
  }

  /// The file's own limit replaces the supervisor's.
  @Test func aLimitOfTheFileReplacesTheCrashLoop() {
    var supervisor = Supervisor(services: [service("a", .onFailure(limit: 9))])
    let one = Instance("a", 1)
    var now = at(0)
    _ = supervisor.handle(.tick, at: now)
    for _ in 0..<9 {
      _ = supervisor.handle(.exited(one, .code(1)), at: now)
      now = supervisor.nextDeadline
      #expect(starts(supervisor.handle(.tick, at: now)) == ["a-1"])
    }
    #expect(
      supervisor.handle(.exited(one, .code(1)), at: now) == [.report(.exited(one, .code(1), restartIn: nil))])
  }

  @Test func completionGatesDependents() {
    var setup = service("setup", .onFailure(limit: nil))
    setup.replicas = 2
    var supervisor = Supervisor(services: [service("main", after: [.init("setup", .completed)]), setup])
    #expect(starts(supervisor.handle(.tick, at: at(0))) == ["setup-1", "setup-2"])
    #expect(starts(supervisor.handle(.exited(Instance("setup", 1), .code(0)), at: at(1))).isEmpty)
    #expect(starts(supervisor.handle(.exited(Instance("setup", 2), .code(1)), at: at(1))).isEmpty)
    let now = supervisor.nextDeadline
    #expect(starts(supervisor.handle(.tick, at: now)) == ["setup-2"])
    #expect(starts(supervisor.handle(.exited(Instance("setup", 2), .code(0)), at: now)) == ["main-1"])
  }

  @Test func whoWaitsForSomethingThatEndedIsReportedOnce() {
    var supervisor = Supervisor(services: [
      service("main", after: [.init("setup", .completed)]), service("setup"),
      service("second", after: [.init("setup", .healthy)]), service("third", after: [.init("setup")]),
    ])
    #expect(starts(supervisor.handle(.tick, at: at(0))) == ["setup-1", "third-1"])
    let actions = supervisor.handle(.exited(Instance("setup", 1), .code(3)), at: at(1))
    let blocked = ["main", "second"].map {
      Supervisor.Action.report(.blocked(Instance($0, 1), by: Instance("setup", 1)))
    }
    #expect(actions == [.report(.exited(Instance("setup", 1), .code(3), restartIn: nil))] + blocked)
    #expect(
      Supervisor.Report.blocked(Instance("main", 1), by: Instance("setup", 1)).description
        == "main-1 does not start: it depends on setup-1, which ended")
    #expect(supervisor.handle(.tick, at: at(2)).isEmpty && supervisor.nextDeadline == .never)
    #expect(!supervisor.isOver)
    _ = supervisor.handle(.exited(Instance("third", 1), .code(0)), at: at(2))
    #expect(supervisor.isOver)
    // A restart by the user starts it again.
    #expect(starts(supervisor.handle(.restart("setup"), at: at(3))) == ["setup-1"])
    #expect(
      supervisor.handle(.exited(Instance("setup", 1), .code(0)), at: at(4)).contains(
        .start(Instance("main", 1))))
    _ = supervisor.handle(.down, at: at(5))
    #expect(supervisor.handle(.tick, at: at(5)).isEmpty)
  }

  @Test func restartsReachThoseWhoAskForIt() {
    var asking = ComposeService.Dependency("replay")
    asking.restarts = true
    var further = ComposeService.Dependency("learner")
    further.restarts = true
    var supervisor = Supervisor(services: [
      service("replay"), service("learner", after: [asking]), service("actor", after: [.init("replay")]),
      service("viewer", after: [further]),
    ])
    _ = supervisor.handle(.tick, at: at(0))
    let actions = supervisor.handle(.restart("replay"), at: at(1))
    #expect(signals(actions) == ["learner-1", "replay-1", "viewer-1"] && starts(actions).isEmpty)
    // Instances that stop sooner wait for their dependencies.
    #expect(starts(supervisor.handle(.exited(Instance("learner", 1), .code(0)), at: at(2))).isEmpty)
    #expect(
      starts(supervisor.handle(.exited(Instance("replay", 1), .code(0)), at: at(2))) == [
        "replay-1", "learner-1",
      ])
    #expect(starts(supervisor.handle(.exited(Instance("viewer", 1), .code(0)), at: at(2))) == ["viewer-1"])
    // An end without a restart by the user affects no other service.
    #expect(supervisor.handle(.exited(Instance("replay", 1), .code(0)), at: at(9)).count == 1)
  }

  @Test func checksComeEarlyOnlyWhereTheyAreAwaitedOrAsked() {
    var check = Healthcheck(command: ["probe"])
    check.interval = .seconds(30)
    func first(_ change: (inout Healthcheck) -> Void, awaited: Bool) -> Instant {
      var a = service("a")
      var own = check
      change(&own)
      a.healthcheck = own
      let b = service("b", after: [.init("a", awaited ? .healthy : .started)])
      var supervisor = Supervisor(services: [a, b])
      _ = supervisor.handle(.tick, at: at(0))
      return supervisor.nextDeadline
    }
    #expect(first({ _ in }, awaited: false) == at(30))
    #expect(first({ _ in }, awaited: true) == at(0.1))
    #expect(
      first({ ($0.startInterval, $0.startPeriod) = (.seconds(2), .seconds(10)) }, awaited: false) == at(2))
    // Without a start period it has no effect.
    #expect(first({ $0.startInterval = .seconds(2) }, awaited: false) == at(30))
  }

  @Test func theStartIntervalEndsWithThePeriodOrSuccess() {
    var a = service("a")
    var check = Healthcheck(command: ["probe"])
    (check.interval, check.startInterval, check.startPeriod, check.retries) = (
      .seconds(30), .seconds(1), .seconds(3), 1
    )
    a.healthcheck = check
    var supervisor = Supervisor(services: [a])
    let one = Instance("a", 1)
    _ = supervisor.handle(.tick, at: at(0))
    var times: [Double] = []
    for _ in 0..<5 {
      let now = supervisor.nextDeadline
      times.append((now - at(0)).seconds)
      #expect(supervisor.handle(.tick, at: now) == [.check(one)])
      let actions = supervisor.handle(.checked(one, healthy: false), at: now)
      #expect(actions == (times.count == 3 ? [.report(.unhealthy(one))] : []))
    }
    #expect(times == [1, 2, 3, 33, 63])
  }
}
