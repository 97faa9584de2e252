// A client's greeting, and what ends its session.

import Experience
import Foundations
import Testing
import Wire

@testable import Services

@Suite struct ClientSessionTests {
  /// A client that greets as soon as it is due.
  struct Client {
    var session = ClientSession(
      id: Fixtures.id(1), service: PeerID(number: 7), greetEvery: .milliseconds(250), now: .at(0))
    let sink = ScriptedSink()

    mutating func advance(_ milliseconds: Double) -> [Sent] {
      if .at(milliseconds) >= session.nextGreeting {
        session.greet(with: Goodbye(id: Fixtures.id(9)), now: .at(milliseconds), sink: sink)
      }
      return sink.take()
    }

    mutating func refuse(_ code: RefusalCode, at milliseconds: Double) {
      session.receive(Refusal(code: code, type: 3, reference: 0, text: "no"), now: .at(milliseconds))
    }
  }

  @Test func greetsItsServiceUntilItIsWelcomed() {
    var client = Client()
    #expect(client.advance(0).map(\.peer) == [PeerID(number: 7)])
    #expect(client.advance(249).isEmpty)
    #expect(client.advance(250).count == 1)
    #expect(client.session.isGreeting && !client.session.isOpen)
    #expect(client.session.open(by: Fixtures.id(50)) == false)
    #expect(client.session.isOpen && !client.session.isGreeting)
    #expect(client.session.nextGreeting == .never)
    #expect(client.advance(1000).isEmpty)
    #expect(client.session.incarnation == Fixtures.id(50))
  }

  /// A connection takes milliseconds: the client does not wait a quarter of a second for it.
  @Test func aGreetingThatIsNotSentIsTriedSoon() {
    var client = Client()
    client.sink.isFull = true
    #expect(client.advance(0).isEmpty)
    #expect(client.session.nextGreeting == .at(20))
    client.sink.isFull = false
    #expect(client.advance(20).count == 1)
    #expect(client.session.nextGreeting == .at(270))
  }

  @Test func aServiceThatForgotItIsGreetedAtOnceAndOnce() {
    var client = Client()
    _ = client.session.open(by: Fixtures.id(50))
    client.refuse(.unknownPeer, at: 5)
    #expect(client.advance(5).count == 1)
    client.refuse(.unknownPeer, at: 6)
    #expect(client.advance(6).isEmpty)
    #expect(client.session.open(by: Fixtures.id(51)) == true, "another incarnation")
    client.refuse(.unknownPeer, at: 7)
    #expect(client.session.open(by: Fixtures.id(51)) == false, "the same one")
    #expect(client.session.recordIncarnation(Fixtures.id(52)) == true)
    #expect(client.session.recordIncarnation(Fixtures.id(52)) == false)
  }

  @Test func busyChangesNothing() {
    var client = Client()
    _ = client.advance(0)
    client.refuse(.busy, at: 1)
    #expect(client.session.isGreeting && client.session.nextGreeting == .at(250))
    _ = client.session.open(by: Fixtures.id(50))
    client.refuse(.busy, at: 2)
    #expect(client.session.isOpen && client.session.refusal == nil)
  }

  @Test(arguments: [RefusalCode.malformed, .mismatch, .invalid, .unsupported])
  func otherRefusalsAreForGood(_ code: RefusalCode) {
    var client = Client()
    client.refuse(code, at: 1)
    #expect(client.session.refusal?.code == code)
    #expect(!client.session.isOpen && !client.session.isGreeting)
    client.refuse(.unknownPeer, at: 2)
    #expect(client.session.nextGreeting == .never)
    #expect(client.advance(60_000).isEmpty)
  }

  @Test func saysGoodbyeInItsName() {
    let client = Client()
    client.session.leave(sink: client.sink)
    let sent = client.sink.take()
    #expect(sent.first?.read { try Goodbye(from: &$0) } == Goodbye(id: Fixtures.id(1)))
  }
}
