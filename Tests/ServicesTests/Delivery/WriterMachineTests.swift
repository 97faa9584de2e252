// A writer machine against a scripted service.

import Experience
import Foundations
import Testing
import Wire

@testable import Services

struct WriterHarness {
  var machine: WriterMachine
  let sink = ScriptedSink()

  init(inFlight: Int = 8) {
    var configuration = WriterMachine.Configuration(
      id: Fixtures.id(1), label: "w", schema: Fixtures.schema, tables: [Fixtures.table])
    configuration.inFlight = inFlight
    machine = WriterMachine(configuration: configuration, now: .at(0))
  }

  mutating func advance(_ milliseconds: Double) -> [Sent] {
    machine.advance(to: .at(milliseconds), sink: sink)
    return sink.take()
  }

  mutating func receive(at milliseconds: Double, _ encode: (FrameWriter) -> Void) -> [Sent] {
    frame(encode).withUnsafeBytes { machine.receive($0, now: .at(milliseconds), sink: sink) }
    return sink.take()
  }

  mutating func welcome(
    at milliseconds: Double, committed: UInt64 = 0, credit: Int = 64, bytes: UInt64 = 1 << 30,
    incarnation: UInt64 = 50
  ) -> [Sent] {
    receive(at: milliseconds) {
      Welcome(
        incarnation: Fixtures.id(incarnation), committed: committed,
        grant: Fixtures.grant(credit, bytes: bytes),
        schema: nil,
        tables: []
      ).encode(into: $0)
    }
  }

  mutating func acknowledge(at milliseconds: Double, _ committed: UInt64, gap: Bool = false) -> [UInt64] {
    receive(at: milliseconds) { Acknowledgement(committed: committed, gap: gap).encode(into: $0) }
      .compactMap(\.insertSequence)
  }

  mutating func refuse(at milliseconds: Double, _ code: RefusalCode) -> [Sent] {
    receive(at: milliseconds) { Refusal(code: code, type: 3, reference: 0, text: "no").encode(into: $0) }
  }

  /// Frames `count` messages; returns the sequences that were sent.
  mutating func write(_ count: Int, at milliseconds: Double) -> [UInt64] {
    for _ in 0..<count {
      guard let frame = machine.beginFrame(chunks: 0) else { break }
      Insert.items(frame, [])
      machine.commitFrame(now: .at(milliseconds), sink: sink)
    }
    return sink.take().compactMap(\.insertSequence)
  }
}

@Suite struct WriterMachineTests {
  @Test func helloIsRepeatedUntilWelcomed() {
    var writer = WriterHarness()
    #expect(writer.advance(0).compactMap(\.hello).map(\.nextSequence) == [1])
    #expect(writer.advance(249).isEmpty)
    #expect(writer.advance(250).count == 1)
    #expect(writer.write(2, at: 300).isEmpty, "nothing is sent before the welcome")
    #expect(writer.welcome(at: 310).compactMap(\.insertSequence) == [1, 2])
    #expect(writer.machine.isReady)
    #expect(writer.advance(600).isEmpty)
  }

  @Test func acknowledgedMessagesAreForgotten() {
    var writer = WriterHarness()
    _ = writer.welcome(at: 0)
    #expect(writer.write(3, at: 1) == [1, 2, 3])
    #expect(writer.acknowledge(at: 2, 2).isEmpty)
    #expect(writer.machine.unacknowledged == 1)
    #expect(writer.machine.committed == 2)
    #expect(writer.machine.counters.messagesCommitted == 2)
  }

  @Test func aGapIsFilledOnceForABurst() {
    var writer = WriterHarness()
    _ = writer.welcome(at: 0)
    _ = writer.write(5, at: 1)
    #expect(writer.acknowledge(at: 40, 1, gap: true) == [2, 3, 4, 5])
    #expect(writer.acknowledge(at: 41, 1, gap: true).isEmpty)
    #expect(writer.acknowledge(at: 42, 1, gap: true).isEmpty)
    #expect(writer.acknowledge(at: 80, 1, gap: true) == [2, 3, 4, 5])
    #expect(writer.machine.counters.messagesResent == 8)
  }

  @Test func anOldGapIsIgnored() {
    var writer = WriterHarness()
    _ = writer.welcome(at: 0)
    _ = writer.write(4, at: 1)
    #expect(writer.acknowledge(at: 40, 3).isEmpty)
    #expect(writer.acknowledge(at: 80, 1, gap: true).isEmpty, "what it asks for is in the store")
  }

  @Test func aProbeFindsALostWindowAndTheRestFollows() {
    var writer = WriterHarness()
    _ = writer.welcome(at: 0)
    _ = writer.write(3, at: 0)
    #expect(writer.advance(999).isEmpty)
    #expect(writer.advance(1000).compactMap(\.insertSequence) == [1])
    #expect(writer.advance(1500).isEmpty)
    #expect(writer.acknowledge(at: 1510, 1) == [2, 3], "all three were lost, not one a second")
  }

  @Test func aProbeOfWhatTheServiceHoldsBackSendsNothingElse() {
    var writer = WriterHarness()
    _ = writer.welcome(at: 0)
    _ = writer.write(3, at: 0)
    #expect(writer.advance(1000).count == 1)
    #expect(writer.acknowledge(at: 1001, 0).isEmpty, "it is there, and waits")
    #expect(writer.acknowledge(at: 1500, 1).isEmpty)
  }

  @Test func creditBlocks() {
    var writer = WriterHarness(inFlight: 8)
    _ = writer.welcome(at: 0, credit: 2)
    #expect(writer.write(5, at: 1) == [1, 2])
    #expect(writer.machine.isBlocked)
    #expect(writer.machine.beginFrame(chunks: 0) == nil)
    _ = writer.acknowledge(at: 2, 1)
    #expect(!writer.machine.isBlocked)
    #expect(writer.write(5, at: 3) == [3])
  }

  @Test func fewerThanArePendingAreGranted() {
    var writer = WriterHarness(inFlight: 8)
    _ = writer.write(6, at: 0)
    #expect(writer.welcome(at: 1, credit: 2).compactMap(\.insertSequence) == [1, 2])
    #expect(writer.acknowledge(at: 2, 1) == [3])
  }

  @Test func aFullQueueIsTriedAgain() {
    var writer = WriterHarness()
    _ = writer.welcome(at: 0)
    writer.sink.isFull = true
    #expect(writer.write(2, at: 1).isEmpty)
    #expect(writer.machine.nextDeadline(now: .at(1)) == .at(6))
    writer.sink.isFull = false
    #expect(writer.advance(6).compactMap(\.insertSequence) == [1, 2])
  }

  @Test func aServiceThatStaysAwayCostsItsMessagesAndACut() {
    var writer = WriterHarness()
    _ = writer.advance(0)
    _ = writer.welcome(at: 0)
    _ = writer.write(3, at: 0)
    for second in 1...29 { _ = writer.advance(Double(second) * 1000) }
    #expect(writer.machine.counters.messagesDropped == 0)
    _ = writer.advance(30_000)
    #expect(writer.machine.counters.messagesDropped == 3)
    #expect(writer.machine.cutEpoch == 1)
    #expect(writer.machine.unacknowledged == 0)
    #expect(
      writer.advance(30_001).compactMap(\.hello).map(\.nextSequence) == [4], "sequences are not used again")
    #expect(writer.welcome(at: 30_100, committed: 0).isEmpty)
    #expect(!writer.machine.isReady, "that answers the first hello: the service still waits for message 1")
    #expect(writer.write(1, at: 30_200).isEmpty)
    #expect(writer.welcome(at: 30_300, committed: 3).compactMap(\.insertSequence) == [4])
  }

  @Test func anotherIncarnationOfTheServiceGetsWhatIsNotAcknowledged() {
    var writer = WriterHarness()
    _ = writer.welcome(at: 0)
    _ = writer.write(4, at: 1)
    _ = writer.acknowledge(at: 2, 2)
    #expect(writer.refuse(at: 3, .unknownPeer).compactMap(\.hello).map(\.nextSequence) == [3])
    #expect(writer.refuse(at: 4, .unknownPeer).isEmpty, "one hello for all refused messages")
    #expect(writer.welcome(at: 5, committed: 2, incarnation: 51).compactMap(\.insertSequence) == [3, 4])
    #expect(writer.machine.counters.serviceRestarts == 1)
    #expect(writer.machine.cutEpoch == 0)
  }

  @Test func aRefusalForGoodStops() {
    for code in [RefusalCode.malformed, .mismatch, .invalid, .unsupported] {
      var writer = WriterHarness()
      _ = writer.advance(0)
      _ = writer.refuse(at: 1, code)
      #expect(writer.machine.refusal?.code == code)
      #expect(writer.advance(60_000).isEmpty)
      #expect(writer.machine.nextDeadline(now: .at(1)) == .never)
    }
  }

  /// Bytes are a credit too; one message may always be under way.
  @Test func bytesAreGrantedToo() {
    var writer = WriterHarness()
    _ = writer.advance(0)
    // A message of no chunks and no items is 6 bytes.
    _ = writer.welcome(at: 0, credit: 8, bytes: 19)
    #expect(writer.write(8, at: 1) == [1, 2, 3])
    #expect(writer.machine.isBlocked && writer.machine.unacknowledged == 4)
    #expect(writer.acknowledge(at: 2, 1) == [4])
    #expect(writer.write(8, at: 3).isEmpty && writer.machine.isBlocked)
    #expect(writer.acknowledge(at: 4, 4) == [5])
    #expect(!writer.machine.isBlocked)
  }

  /// A message larger than the whole credit goes alone.
  @Test func oneMessageMayAlwaysBeUnderWay() {
    var writer = WriterHarness()
    _ = writer.advance(0)
    _ = writer.welcome(at: 0, credit: 8, bytes: 1)
    #expect(writer.write(8, at: 1) == [1])
    #expect(writer.acknowledge(at: 2, 1).isEmpty && writer.write(8, at: 2) == [2])
  }

  /// What was never sent cannot be committed: believing it would drop experience as repeated.
  @Test func moreThanWasSentIsNotBelieved() {
    var welcomed = WriterHarness()
    _ = welcomed.advance(0)
    #expect(welcomed.welcome(at: 1, committed: 5).isEmpty)
    #expect(welcomed.machine.refusal?.code == .invalid)
    #expect(
      welcomed.machine.refusal?.text.hasPrefix(
        "WELCOME: expected a committed sequence of at most 0, which is all that this writer has sent, found 5:"
      )
        == true)
    var acknowledged = WriterHarness()
    _ = acknowledged.welcome(at: 0)
    _ = acknowledged.write(3, at: 1)
    #expect(acknowledged.acknowledge(at: 2, 4).isEmpty)
    #expect(acknowledged.machine.unacknowledged == 3, "nothing is thrown away")
    #expect(acknowledged.machine.refusal?.text.hasPrefix("ACKNOWLEDGEMENT: expected") == true)
  }

  @Test func foreignFramesAreCounted() {
    var writer = WriterHarness()
    _ = writer.receive(at: 0) { HealthRequest.encode(into: $0) }
    [UInt8](repeating: 0xFF, count: 9).withUnsafeBytes {
      writer.machine.receive($0, now: .at(1), sink: writer.sink)
    }
    #expect(writer.machine.counters.malformed == 2)
  }
}
