// What an actor, an evaluator and a learner receive of the publications.

import Experience
import Foundations
import Testing
import Transport
import Wire

@testable import Services

@Suite(.timeLimit(.minutes(2))) final class WeightsLinkTests {
  private static let manifest = WeightsManifest(tensors: [TensorSpec(name: "w", shape: [2])])
  private let connector = Connector()
  private let publisher: Socket
  private let link: WeightsLink
  private var taken: [[Float]] = []
  private var versions: [UInt64] = []

  init() throws {
    var options = SocketOptions()
    options.receiveQueue = 64
    publisher = try connector.publisher(on: Endpoint("tcp://127.0.0.1:*"), options)
    link = try WeightsLink(
      connector: connector, to: try Endpoint(publisher.lastEndpoint()), id: Fixtures.id(1),
      manifest: Self.manifest)
    // Both subscriptions have arrived: no publication is lost from now on.
    for _ in 0..<2 { try Self.wait(for: publisher) }
  }

  private static func wait(for socket: borrowing Socket) throws {
    let deadline = SystemClock.now() + .seconds(20)
    let slot = FrameSlot()
    var poller = Poller()
    poller.add(socket)
    while socket.receive(into: slot) == .nothing {
      let now = SystemClock.now()
      try #require(now < deadline, "no subscription came")
      poller.wait(until: deadline, now: now)
    }
  }

  /// Publishes to the link only, in order.
  private func publish(
    _ version: UInt64, _ values: [Float], incarnation: UInt64 = 9, envSteps: UInt64 = 0
  ) {
    let frame = frame { writer in
      values.withUnsafeBytes {
        Weights(
          topic: Fixtures.id(1).publicName.description, version: version,
          incarnation: Fixtures.id(incarnation),
          updates: version, clock: 0, envSteps: envSteps, milestone: 0, oldestUpdate: 0, newestUpdate: 0,
          merged: [],
          manifest: Self.manifest, values: $0
        ).encode(into: writer)
      }
    }
    _ = frame.withUnsafeBytes { publisher.send($0) }
  }

  /// Receives until `isDone`.
  private func receive(until isDone: (WeightsLinkTests) -> Bool) throws {
    let deadline = SystemClock.now() + .seconds(20)
    var poller = Poller()
    _ = link.add(to: &poller)
    while !isDone(self) {
      var found: (UInt64, [Float])?
      link.receiveNewest { weights in
        found = (
          weights.version,
          (0..<2).map { weights.values.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self) }
        )
      }
      if let found {
        versions.append(found.0)
        taken.append(found.1)
        continue
      }
      let now = SystemClock.now()
      try #require(now < deadline, "nothing came")
      if !isDone(self) { poller.wait(until: now + .milliseconds(20), now: now) }
    }
  }

  /// A client keeps its good weights, and adopts the next good ones, also of a version that was not
  /// good.
  @Test func weightsThatAreNotFiniteAreCountedAndLeftOut() throws {
    publish(1, [1, 2])
    try receive { $0.versions == [1] }
    let wrong: [Float] = [.nan, .infinity, -.infinity, .signalingNaN]
    for (index, value) in wrong.enumerated() { publish(2, index % 2 == 0 ? [3, value] : [value, 3]) }
    try receive { $0.link.notFinite == 4 }
    #expect(versions == [1] && link.malformed == 0)
    publish(2, [.greatestFiniteMagnitude, 4])
    try receive { $0.versions.count == 2 }
    #expect(versions == [1, 2] && taken == [[1, 2], [.greatestFiniteMagnitude, 4]])
    #expect(link.notFinite == 4)
  }

  /// While no version is made, the env steps go on.
  @Test func envStepsAreThoseOfTheNewestPublication() throws {
    publish(1, [1, 2], envSteps: 10)
    try receive { $0.versions == [1] }
    publish(1, [1, 2], envSteps: 20)
    try receive { $0.link.envSteps == 20 }
    #expect(versions == [1])
  }

  /// Weights that are not finite do not make the client follow another incarnation.
  @Test func anotherIncarnationThatIsNotFiniteChangesNothing() throws {
    publish(7, [1, 2])
    try receive { $0.versions == [7] }
    publish(1, [.nan, .nan], incarnation: 10)
    publish(6, [5, 5])
    publish(8, [3, 4])
    try receive { $0.versions.count == 2 }
    #expect(versions == [7, 8] && link.notFinite == 1)
  }
}
