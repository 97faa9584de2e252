// The replay machine: the steps' schema, and who determines it.

import Configuration
import Experience
import Foundations
import ReplayStore
import Testing
import TestSupport
import Wire

@testable import Services

@Suite struct ReplaySchemaTests {
  private let other = StepSchema.discrete(observation: [2])

  /// Until a step is stored the last writer's schema counts; earlier writers are told when they
  /// send.
  @Test func aSchemaWithoutStepsIsReplaced() throws {
    var replay = try ReplayHarness()
    let strange = replay.receive(Fixtures.hello(9, schema: other), from: 9).first?.welcome
    #expect(strange?.schema == other)
    #expect(replay.receive(Fixtures.hello(1), from: 1).first?.welcome?.schema == Fixtures.schema)
    #expect(replay.receive(Fixtures.insert(1, first: 0), from: 9).map(\.refusal?.code) == [.unknownPeer])
    #expect(replay.receive(Fixtures.insert(1, first: 0), from: 1).map(\.acknowledgement?.committed) == [1])
    let refusal = replay.receive(Fixtures.hello(9, schema: other), from: 9).first?.refusal
    #expect(refusal?.code == .mismatch)
    #expect(
      refusal?.text
        == "field 0: expected observation: float32[1], found observation: float32[2]; start this client and the replay from one configuration"
    )
  }

  /// A writer whose first message is refused has stored nothing either.
  @Test func arefusedMessagePinsNothing() throws {
    for storage in [StorageKind.memory, .file(path: TemporaryFolder().path + "/1")] {
      var store = Fixtures.store()
      store.storage = storage
      var replay = try ReplayHarness(store: store)
      _ = replay.receive(Fixtures.hello(9, schema: other), from: 9)
      #expect(replay.receive(Fixtures.insert(1, first: 0), from: 9).map(\.refusal?.code) == [.malformed])
      #expect(
        replay.receive(Fixtures.hello(1), from: 1).first?.welcome?.schema == Fixtures.schema, "\(storage)")
      #expect(replay.receive(Fixtures.insert(1, first: 0), from: 1).map(\.acknowledgement?.committed) == [1])
    }
  }

  /// If the configuration names an environment, no writer can propose another schema.
  @Test func theConfigurationsEnvironmentDecides() throws {
    var replay = try ReplayHarness()
    replay.machine.expect(Fixtures.schema)
    let refusal = replay.receive(Fixtures.hello(9, schema: other), from: 9).first?.refusal
    #expect(refusal?.code == .mismatch)
    #expect(
      refusal?.text
        == "field 0: expected observation: float32[1], found observation: float32[2] (the environment that the configuration names); start this client and the replay from one configuration"
    )
    #expect(replay.receive(Fixtures.samplerHello(3), from: 3).first?.welcome?.schema == Fixtures.schema)
    #expect(replay.receive(Fixtures.hello(1), from: 1).first?.welcome?.schema == Fixtures.schema)
    #expect(replay.receive(Fixtures.insert(1, first: 0), from: 1).map(\.acknowledgement?.committed) == [1])
  }

  /// Each start draws differently, unless the configuration asks for repeated draws.
  @Test func incarnationsDrawDifferently() throws {
    func draws(_ incarnation: UInt64, repeats: Bool) throws -> UInt64 {
      var configuration = RunConfiguration()
      configuration.replay.repeatsDraws = repeats
      let settings = try ServiceSettings(service: .replay, environment: [:])
      var generator = ReplayService.generator(configuration, settings, incarnation: Fixtures.id(incarnation))
      return generator.next()
    }
    #expect(try draws(1, repeats: false) != draws(2, repeats: false))
    #expect(try draws(1, repeats: true) == draws(2, repeats: true))
  }
}
