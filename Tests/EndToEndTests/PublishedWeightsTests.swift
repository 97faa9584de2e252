// An actor, an evaluator and a learner whose parameter server publishes NaN and infinite weights.

import Experience
import Foundations
import Services
import Testing
import Transport
import Wire

@Suite(.timeLimit(.minutes(3))) struct PublishedWeightsTests {
  /// Each process rejects and counts them, and keeps its weights.
  @Test func weightsThatAreNotFiniteAreRefusedByAll() throws {
    let workspace = try Workspace()
    let server = try FalseServer(ServiceTests.addresses(workspace))
    let services = ["actor", "evaluator", "learner"]
    // A replay runs too: without one an actor blocks and reads no weights.
    let started = try (["replay"] + services).map { service in
      try Started(
        [service], in: workspace,
        environment: ServiceTests.addresses(workspace).merging(["ROOKERY_LABEL": service]) { $1 })
    }
    try server.serve("the learner's network") { server.manifest != nil }
    server.publish(version: 1) { _ in 0.01 }
    try server.serve("the first weights") { services.allSatisfy { server.version(of: $0) == 1 } }

    for (version, value) in [(2, Float.nan), (3, .infinity)] as [(UInt64, Float)] {
      let before = services.map { server.refused(by: $0) }
      // Only the last element.
      server.publish(version: version) { $0 == server.count - 1 ? value : 0.02 }
      try server.serve("version \(version) to be refused") {
        zip(services, before).allSatisfy { server.refused(by: $0) > $1 }
      }
      #expect(services.allSatisfy { server.version(of: $0) == 1 })
    }
    server.publish(version: 4) { _ in 0.03 }
    try server.serve("good weights again") { services.allSatisfy { server.version(of: $0) == 4 } }
    #expect(server.evaluated.isSubset(of: [1, 4]), "\(server.evaluated)")
    for command in started {
      try command.child.terminate()
      let ended = try command.end(within: 30)
      #expect(ended.code == 0, "\(ended.errors)")
    }
  }
}

/// Publishes the given weights until it gets others; answers no requests.
private final class FalseServer {
  private let router: Socket
  private let publisher: Socket
  private let slot = FrameSlot()
  private(set) var manifest: WeightsManifest?
  private var frame: [UInt8] = []
  private var counters: [String: [String: Double]] = [:]
  /// The versions of received evaluations.
  private(set) var evaluated: Set<UInt64> = []

  init(_ addresses: [String: String]) throws {
    let connector = Connector()
    router = try connector.router(on: Endpoint(addresses["ROOKERY_PARAMETERS_ADDRESS"]!), SocketOptions())
    publisher = try connector.publisher(on: Endpoint(addresses["ROOKERY_WEIGHTS_ADDRESS"]!), SocketOptions())
  }

  var count: Int { manifest?.elementCount ?? 0 }
  func version(of service: String) -> Double? { counters[service]?["weights_version"] }
  func refused(by service: String) -> Double { counters[service]?["weights_refused_total"] ?? 0 }

  func publish(version: UInt64, _ value: (Int) -> Float) {
    guard let manifest else { return }
    let writer = FrameWriter()
    (0..<count).map(value).withUnsafeBytes {
      Weights(
        topic: Weights.topicAll, version: version, incarnation: Identifier(high: 1, low: 1),
        updates: version, clock: Double(version), milestone: version, oldestUpdate: 0, newestUpdate: 0,
        merged: [], manifest: manifest, values: $0
      ).encode(into: writer)
    }
    frame = writer.array()
  }

  /// Publishes and receives until the condition holds.
  func serve(_ what: String, until isSo: () -> Bool) throws {
    let deadline = SystemClock.now() + .seconds(60)
    while !isSo() {
      let now = SystemClock.now()
      guard now < deadline else { throw TimedOut(description: "waited for \(what): \(counters)") }
      // Clients may subscribe at any time.
      if !frame.isEmpty { _ = frame.withUnsafeBytes { publisher.send($0) } }
      while publisher.receive(into: slot) == .frame {}
      var poller = Poller()
      poller.add(router)
      poller.wait(until: now + .milliseconds(50), now: now)
      var peer = PeerID(number: 0)
      while router.receive(into: slot, from: &peer) == .frame { take(slot.bytes) }
    }
  }

  private func take(_ bytes: UnsafeRawBufferPointer) {
    var cursor = FrameCursor(bytes)
    switch try? cursor.openMessage() {
    case .join: manifest = (try? Join(from: &cursor))?.manifest
    case .telemetry:
      guard let telemetry = try? Telemetry(from: &cursor) else { return }
      counters[telemetry.service] = telemetry.counters
    case .evaluation:
      guard let report = try? EvaluationReport(from: &cursor) else { return }
      evaluated.insert(report.evaluation.version)
    default: break
    }
  }
}
