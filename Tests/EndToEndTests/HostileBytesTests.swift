// Hostile bytes on every socket of a run.

import Experience
import Foundation
import Foundations
import Glibc
import Services
import Testing
import Wire

@Suite struct HostileBytesTests {
  /// The three sockets of a run by the variables that name them.
  private static let sockets = [
    "ROOKERY_REPLAY_ADDRESS", "ROOKERY_PARAMETERS_ADDRESS", "ROOKERY_WEIGHTS_ADDRESS",
  ]

  private func address(_ run: LiveRun, _ name: String) throws -> String {
    try #require(run.process("actor")?.variables[name])
  }

  /// No process has ended, health requests are answered, and the run goes on.
  private func expectUnharmed(_ run: LiveRun, _ processes: Set<RunProcess>, _ what: String) throws {
    try run.progress(what)
    #expect(run.services == processes, "a process was restarted: \(what)")
    for name in Self.sockets.dropLast() {
      #expect(try RawSocket(.dealer, to: try address(run, name)).health().isHealthy)
    }
  }

  @Test func anyBytesOnEverySocket() throws {
    // Over TCP, which strangers can reach.
    let run = try LiveRun(try Workspace(), arguments: ["--transport", "tcp"])
    let before = try run.started()
    let processes = run.services
    var generator = SeededGenerator(seed: 20)
    // They do not linger: what is not sent when they are closed is lost.
    var sockets: [RawSocket] = []
    for name in Self.sockets + ["ROOKERY_TAP_ADDRESS"] {
      let address = try address(run, name)
      // A dealer and a publisher cannot exchange messages.
      let isPublisher = name == "ROOKERY_WEIGHTS_ADDRESS" || name == "ROOKERY_TAP_ADDRESS"
      let dealer = try RawSocket(isPublisher ? .upstream : .dealer, to: address)
      for _ in 0..<300 { try dealer.send(Self.noise(&generator)) }
      for _ in 0..<50 { try dealer.send(Self.noise(&generator), Self.noise(&generator), []) }
      let subscriber = try RawSocket(.subscriber, to: address)
      for _ in 0..<200 { subscriber.subscribe(Self.noise(&generator)) }
      subscriber.subscribe(Weights.subscription(topic: String(repeating: "x", count: 5000)))
      let stranger = try RawSocket(
        isPublisher ? .upstream : .dealer, to: address, identity: Array(repeating: 7, count: 200))
      try stranger.send { HealthRequest.encode(into: $0) }
      try Self.speakAnotherProtocol(to: address)
      sockets += [dealer, subscriber, stranger]
    }
    let after = try run.status("counted refusals") { status in
      ["replay", "parameters"].allSatisfy { service in
        // The parameter server limits the requests per second that it reads from a connection.
        ["malformed_total", "requests_dropped_total"].reduce(0) {
          $0 + status.counter(service, $1) - before.counter(service, $1)
        } >= 100
          && status.counter(service, "frames_discarded_total") >= 50
      }
    }
    withExtendedLifetime(sockets) {}
    #expect(after.version >= before.version)
    try expectUnharmed(run, processes, "after any bytes")
    #expect(try run.end().code == 1)
    #expect(try run.summary()["restarts"] as? Int == 0)
  }

  /// Half of the bytes begin like a message: an array, this version, a type.
  private static func noise(_ generator: inout SeededGenerator) -> [UInt8] {
    let body = (0..<generator.below(200)).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
    guard generator.below(2) == 0 else { return body }
    let type = MessageType.allCases[generator.below(MessageType.allCases.count)]
    return [0x90 + UInt8(min(15, 2 + type.fieldCount)), WireVersion.current, type.rawValue] + body
  }

  private static func speakAnotherProtocol(to address: String) throws {
    let parts = address.dropFirst("tcp://".count).split(separator: ":")
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var target = sockaddr_in()
    target.sin_family = sa_family_t(AF_INET)
    target.sin_port = try #require(UInt16(parts[1])).bigEndian
    inet_pton(AF_INET, String(parts[0]), &target.sin_addr)
    let isConnected = withUnsafePointer(to: &target) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
    try #require(isConnected)
    let text = "GET / HTTP/1.1\r\nHost: here\r\n\r\n"
    #expect(Glibc.send(descriptor, text, text.utf8.count, Int32(MSG_NOSIGNAL)) == text.utf8.count)
  }

  /// Well-formed but invalid messages are answered with what was expected and what was found.
  @Test func refusalsSayWhy() throws {
    let run = try LiveRun(try Workspace())
    try run.started()
    let processes = run.services
    for name in Self.sockets.dropLast() {
      let peer = try RawSocket(.dealer, to: try address(run, name))
      try peer.send([0x92, 1, MessageType.healthRequest.rawValue])
      #expect(try peer.refusal().text == "at byte 1: expected protocol version 4, found version 1")
      try peer.send([0x92, WireVersion.current, 77])
      let newer = try peer.refusal()
      let last = MessageType.allCases.map(\.rawValue).max() ?? 0
      #expect(newer.text == "at byte 2: expected a message type 1…\(last), found 77")
      #expect(newer.code == .unsupported && newer.type == 77)
      try peer.send([0x93, WireVersion.current, MessageType.healthRequest.rawValue, 0])
      #expect(try peer.refusal().text == "at byte 0: expected 2 elements of a message of type 9, found 3")
      try peer.send { Goodbye(id: .zero).encode(into: $0) }
      try peer.send { writer in Acknowledgement(committed: 1, gap: false).encode(into: writer) }
      let refusal = try peer.refusal()
      #expect(refusal.code == .unsupported && refusal.type == MessageType.acknowledgement.rawValue)
    }
    try refuseAtTheReplay(try address(run, "ROOKERY_REPLAY_ADDRESS"))
    try refuseAtTheServer(try address(run, "ROOKERY_PARAMETERS_ADDRESS"))
    try expectUnharmed(run, processes, "after refusals")
  }

  private func refuseAtTheReplay(_ address: String) throws {
    let writer = TestWriter()
    let peer = try RawSocket(.dealer, to: address)
    try peer.send { SampleRequest(request: 5, table: 0, count: 64).encode(into: $0) }
    let unknown = try peer.refusal()
    #expect(unknown.code == .unknownPeer && unknown.reference == 5)
    var other = writer
    other.schema = .discrete(observation: [5])
    try peer.send { other.hello.encode(into: $0) }
    let schema = try peer.refusal()
    #expect(schema.code == .mismatch)
    #expect(
      schema.text.hasPrefix("field 0: expected ") && schema.text.contains("observation"), "\(schema.text)")
    other = writer
    other.tables = [TableSchema(name: "experience", kind: .transition(nStep: 4, discount: 0.99))]
    try peer.send { other.hello.encode(into: $0) }
    #expect(
      try peer.refusal().text.hasPrefix("table 'experience': expected n-step 3, found 4; start this client"))

    try peer.send { writer.hello.encode(into: $0) }
    _ = try peer.answer(.welcome) { try Welcome(from: &$0) }
    try peer.send {
      writer.insert(sequence: 1, flags: [0x80, 0, 0, 0], rewards: [1, 1, 1, 1], priority: 1, into: $0)
    }
    #expect(try peer.refusal().code == .invalid)
    try peer.send {
      writer.insert(sequence: 1, flags: [1, 0, 0, 0], rewards: [1, 1, 1, 1], priority: .nan, into: $0)
    }
    #expect(try peer.refusal().code == .invalid)
    try peer.send {
      writer.insert(sequence: 1, flags: [1, 0, 0], rewards: [1, 1, 1, 1], priority: 1, into: $0)
    }
    #expect(try peer.refusal().code == .malformed)
  }

  private func refuseAtTheServer(_ address: String) throws {
    let peer = try RawSocket(.dealer, to: address)
    let id = Identifier(high: 1, low: 2)
    let manifest = WeightsManifest(tensors: [TensorSpec(name: "other.weight", shape: [2, 2])])
    try peer.send { Join(id: id, label: "stranger", manifest: manifest).encode(into: $0) }
    let join = try peer.refusal()
    #expect(join.code == .mismatch)
    #expect(
      join.text.contains("found 'other.weight' [2, 2]; start learner and parameter server from the same"))
    let values = [Float](repeating: .nan, count: 3)
    try peer.send { writer in
      values.withUnsafeBytes {
        Delta(
          id: id, sequence: 9, baseVersion: 1, updates: 1, transitions: 1, oldestUpdate: 0, newestUpdate: 0,
          values: $0
        )
        .encode(into: writer)
      }
    }
    #expect(try peer.refusal().code == .unknownPeer)
    try peer.send { writer in
      Telemetry(
        id: id, service: "actor", label: "liar",
        counters: ["env_steps_total": .nan, "update_to_action_p99_ms": .infinity]
      )
      .encode(into: writer)
    }
    try peer.send { writer in
      EvaluationReport(
        Evaluation(
          kind: .confirmation, version: 1, updates: 1, episodes: 100, meanReturn: 500, minReturn: 500,
          maxReturn: 500, isSolved: true)
      ).encode(into: writer)
    }
    for type in [MessageType.telemetry, .evaluation] {
      let refusal = try peer.refusal()
      #expect(refusal.code == .invalid && refusal.type == type.rawValue)
      #expect(refusal.text.hasPrefix("expected this run's token, found none; send what `rookery env` prints"))
    }
    #expect(try peer.health().isHealthy)
  }

  /// Numbers at the ends of their ranges are refused.
  @Test(arguments: [0, .max, .max - 1] as [UInt64]) func extremeSequences(_ next: UInt64) throws {
    let run = try LiveRun(try Workspace())
    try run.started()
    let processes = run.services
    let peer = try RawSocket(.dealer, to: try address(run, "ROOKERY_REPLAY_ADDRESS"))
    var writer = TestWriter()
    for _ in 0..<2 {
      writer.nextSequence = next
      try peer.send { writer.hello.encode(into: $0) }
      for sequence in [next, next &+ 1, .max, 0, 1] {
        try peer.send {
          writer.insert(
            sequence: sequence, flags: [1, 0, 0, 0], rewards: [0, 0, 0, 0], priority: 1, into: $0)
        }
      }
    }
    #expect(try peer.health().isHealthy)
    try expectUnharmed(run, processes, "after sequence \(next)")
  }
}
