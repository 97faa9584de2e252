// The supervisor under crashes drawn from a seed.

import Foundations
import Launcher
import Testing

@Suite struct SupervisorSimulationTests {
  /// The processes that a driver would have.
  struct World {
    var supervisor: Supervisor
    var alive: Set<Instance> = []
    var asked: Set<Instance> = []
    var now = Instant.zero
    var wrong: [String] = []

    mutating func feed(_ input: Supervisor.Input) {
      for action in supervisor.handle(input, at: now) {
        switch action {
        case .start(let instance):
          if !alive.insert(instance).inserted { wrong.append("\(instance) started twice") }
        case .signal(let instance, _):
          if !alive.contains(instance) { wrong.append("\(instance) signalled though gone") }
          asked.insert(instance)
        case .kill(let instance):
          if !alive.contains(instance) { wrong.append("\(instance) killed though gone") }
          asked.insert(instance)
        case .check, .cancelCheck, .report: break
        }
      }
    }

    mutating func end(_ instance: Instance, _ reason: ExitReason) {
      alive.remove(instance)
      asked.remove(instance)
      feed(.exited(instance, reason))
    }
  }

  @Test(arguments: 1...40)
  func neverTwoProcessesAndAlwaysAnEnd(seed: Int) {
    var generator = SeededGenerator(seed: UInt64(seed))
    var services: [ComposeService] = []
    for (index, name) in ["replay", "parameters", "learner", "actor"].enumerated() {
      var service = ComposeService(name: name, command: [name])
      service.replicas = generator.below(3)
      service.restart = [.no, .always, .onFailure(limit: nil), .onFailure(limit: 3)][generator.below(4)]
      service.dependencies = index < 2 ? [] : [.init("replay"), .init("parameters")]
      for index in service.dependencies.indices {
        service.dependencies[index].restarts = generator.below(2) == 0
      }
      service.restartPacing.delay = [nil, .seconds(1)][generator.below(2)]
      service.restartPacing.limit = [nil, 2][generator.below(2)]
      service.restartPacing.window = [nil, .milliseconds(500)][generator.below(2)]
      services.append(service)
    }
    var world = World(supervisor: Supervisor(services: services))
    world.feed(.tick)
    for _ in 0..<500 {
      world.now += .milliseconds(Double(generator.below(3000)))
      let name = services[generator.below(4)].name
      switch generator.below(10) {
      case 0: world.feed(.scale(name, generator.below(6)))
      case 1: world.feed(.restart(name))
      case 2...4:
        if let instance = world.alive.sorted().randomElement(using: &generator) {
          world.end(instance, generator.below(2) == 0 ? .code(Int32(generator.below(3))) : .signal(9))
        }
      case 5...7:
        if let instance = world.asked.sorted().randomElement(using: &generator) {
          world.end(instance, .code(0))
        }
      default: world.feed(.tick)
      }
    }
    #expect(world.wrong.isEmpty, "seed \(seed)")

    // Without further faults, every instance that should run does.
    world.feed(.restart("actor"))
    for _ in 0..<100 {
      for instance in world.asked.sorted() { world.end(instance, .code(0)) }
      world.now += .seconds(6)
      world.feed(.tick)
    }
    for (instance, state) in world.supervisor.instances {
      switch state {
      case .running: #expect(world.alive.contains(instance))
      case .failed, .finished: #expect(!world.alive.contains(instance) && instance.service != "actor")
      case .waiting: #expect(instance.service == "learner" || instance.service == "actor")
      case .backingOff, .stopping, .stopped: Issue.record("seed \(seed): \(instance) is \(state)")
      }
    }

    // Down: everything ends, although some processes must be killed.
    world.feed(.down)
    var rounds = 0
    while !world.supervisor.isIdle, rounds < 100 {
      rounds += 1
      for instance in world.asked.sorted() where generator.below(3) == 0 { world.end(instance, .signal(15)) }
      world.now = min(world.supervisor.nextDeadline, world.now + .seconds(20))
      world.feed(.tick)
    }
    #expect(world.alive.isEmpty && rounds < 100, "seed \(seed)")
    #expect(world.wrong.isEmpty, "seed \(seed)")
  }
}
