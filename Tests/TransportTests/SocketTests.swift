// Routers and dealers over real sockets.

import Foundations
import Glibc
import Testing
@testable import Transport

/// A path for an ipc socket that no other test uses; libzmq leaves the file behind.
private func ipcPath(_ name: String) -> String { "/tmp/rookery-test-\(getpid())-\(name)" }

@Suite(.timeLimit(.minutes(2))) struct SocketTests {
  private let context = Context()

  private func router(_ options: SocketOptions = SocketOptions()) throws -> Socket {
    let socket = try Socket(.router, context: context, options: options)
    try socket.bind("tcp://127.0.0.1:*")
    return socket
  }

  private func dealer(to endpoint: String, _ options: SocketOptions = SocketOptions()) throws -> Socket {
    let socket = try Socket(.dealer, context: context, options: options)
    try socket.connect(endpoint)
    return socket
  }

  @Test(arguments: ["tcp://127.0.0.1:*", "ipc://\(ipcPath("round-trip"))"])
  func roundTrips(_ address: String) throws {
    defer { unlink(ipcPath("round-trip")) }
    let router = try Socket(.router, context: context)
    try router.bind(address)
    let first = try dealer(to: router.lastEndpoint())
    let second = try dealer(to: router.lastEndpoint())
    let large = [UInt8](repeating: 7, count: 3_000_000)
    try send([1], on: first)
    let one = try receive(onRouter: router)
    try send(large, on: second)
    let two = try receive(onRouter: router)
    try send([], on: first)
    let three = try receive(onRouter: router)
    #expect(one.bytes == [1] && two.bytes == large && three.bytes == [])
    #expect(one.peer == three.peer && one.peer != two.peer)
    #expect([8, 9].sent(by: router, to: two.peer) == .sent)
    #expect(large.sent(by: router, to: one.peer) == .sent)
    #expect(try receive(on: second) == [8, 9])
    #expect(try receive(on: first) == large)
  }

  @Test func theSystemChoosesAPort() throws {
    let endpoint = try router().lastEndpoint()
    guard case .tcp(let host, let port) = try Endpoint(endpoint).kind else {
      Issue.record("\(endpoint) is no TCP address")
      return
    }
    #expect(host == "127.0.0.1" && UInt16(port) != nil)
  }

  @Test func unknownPeersAreNamed() throws {
    let router = try router()
    #expect([1].sent(by: router, to: PeerID(number: 42)) == .unknownPeer)
  }

  /// A router forgets a peer whose connection is gone, and reports it instead of queueing.
  @Test func peersThatLeftAreUnknown() throws {
    let router = try router()
    let peer = try greetAndLeave(router)
    let deadline = SystemClock.now() + patience
    var poller = Poller()
    while [1].sent(by: router, to: peer) != .unknownPeer {
      let now = SystemClock.now()
      try #require(now < deadline, "the router still knows it")
      poller.wait(until: now + .milliseconds(1), now: now)
    }
  }

  private func greetAndLeave(_ router: borrowing Socket) throws -> PeerID {
    let dealer = try dealer(to: router.lastEndpoint())
    try send([1], on: dealer)
    return try receive(onRouter: router).peer
  }

  /// ZMQ_IMMEDIATE: nothing is queued for a connection that does not exist.
  @Test func nothingIsQueuedWithoutAPeer() throws {
    let dealer = try dealer(to: "ipc://\(ipcPath("absent"))")
    #expect([1].sent(by: dealer) == .full)
  }

  @Test func fullQueuesRefuse() throws {
    var options = SocketOptions()
    options.sendQueue = 2
    options.receiveQueue = 2
    let router = try router(options)
    let dealer = try dealer(to: router.lastEndpoint(), options)
    let frame = [UInt8](repeating: 1, count: 1 << 20)
    try send(frame, on: dealer)
    var sent = 1
    // What the kernel buffers is bounded, so a reader that does not read stops the writer.
    while sent < 1000, frame.sent(by: dealer) == .sent { sent += 1 }
    #expect(sent < 1000, "the queue never filled")
    let peer = try receive(onRouter: router).peer
    for _ in 1..<sent { #expect(try receive(onRouter: router).bytes.count == frame.count) }
    try send([2], on: dealer)
    #expect(try receive(onRouter: router).bytes == [2])
    // The other direction: the dealer does not read.
    var answered = 0
    while answered < 1000, frame.sent(by: router, to: peer) == .sent { answered += 1 }
    #expect(answered > 0 && answered < 1000)
  }

  @Test func messagesOfSeveralFramesAreDiscarded() throws {
    let router = try router()
    let peer = try RawPeer(router.lastEndpoint(), identity: Array("raw".utf8))
    defer { withExtendedLifetime(peer) {} }
    try peer.send([[1], [2]])
    try peer.send([[], [3], [4], [5]])
    try peer.send([[6]])
    let slot = FrameSlot()
    var sender = PeerID(number: 0)
    #expect(try next(onRouter: router, slot, &sender) == .discarded)
    #expect(try next(onRouter: router, slot, &sender) == .discarded)
    let last = try receive(onRouter: router)
    #expect(last.bytes == [6])
    #expect(last.peer.withBytes { Array($0) } == Array("raw".utf8))
  }

  @Test(arguments: [17, 255]) func longIdentitiesAreDiscarded(count: Int) throws {
    let router = try router()
    let long = try RawPeer(router.lastEndpoint(), identity: Array(repeating: 0x41, count: count))
    defer { withExtendedLifetime(long) {} }
    try long.send([[1]])
    let slot = FrameSlot()
    var sender = PeerID(number: 7)
    #expect(try next(onRouter: router, slot, &sender) == .discarded)
    #expect(sender == PeerID(number: 7))
    // The longest identity that is allowed is heard.
    let identity = [UInt8](1...16)
    let short = try RawPeer(router.lastEndpoint(), identity: identity)
    defer { withExtendedLifetime(short) {} }
    try short.send([[2]])
    let heard = try receive(onRouter: router)
    #expect(heard.bytes == [2])
    #expect(heard.peer.withBytes { Array($0) } == identity)
  }

  /// A frame beyond the limit ends the connection; the dealer reconnects by itself.
  @Test func framesBeyondTheBoundAreCutOff() throws {
    var options = SocketOptions()
    options.frameBytesMax = 1000
    let router = try router(options)
    let dealer = try dealer(to: router.lastEndpoint())
    try send([1], on: dealer)
    let before = try receive(onRouter: router)
    try send(Array(repeating: 2, count: 1001), on: dealer)
    let slot = FrameSlot()
    var peer = before.peer
    var poller = Poller()
    poller.add(router)
    let deadline = SystemClock.now() + patience
    var now = SystemClock.now()
    while router.receive(into: slot, from: &peer) == .nothing, now < deadline {
      _ = [3].sent(by: dealer)
      poller.wait(until: now + .milliseconds(20), now: now)
      now = SystemClock.now()
    }
    #expect(Array(slot.bytes) == [3])
    #expect(peer != before.peer)
  }
}

@Suite(.timeLimit(.minutes(2))) struct SocketErrorTests {
  private let context = Context()

  @Test(arguments: ["tcp://127.0.0.1:*", "ipc://\(ipcPath("in-use"))"])
  func anAddressInUseIsNamedWithAdvice(_ address: String) throws {
    // Both cases run at once: only the owner of the file removes it.
    defer { if address.hasPrefix("ipc") { unlink(ipcPath("in-use")) } }
    let first = try Socket(.router, context: context)
    try first.bind(address)
    let endpoint = first.lastEndpoint()
    let second = try Socket(.router, context: context)
    let error = #expect(throws: TransportError.self) { try second.bind(endpoint) }
    #expect(error?.isAddressInUse == true)
    #expect(
      error?.description
        == "listening on \(endpoint): Address already in use; "
        + "another process listens there: stop it or choose another address")
    #expect(first.lastEndpoint() == endpoint)
    // The first one still has it.
    let dealer = try Socket(.dealer, context: context)
    try dealer.connect(endpoint)
    try send([6], on: dealer)
    #expect(try receive(onRouter: first).bytes == [6])
  }

  /// The file of a dead process does not stop a new one from listening.
  @Test func whatADeadProcessLeftIsTaken() throws {
    let path = ipcPath("left")
    defer { unlink(path) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    let bound = withUnsafeBytes(of: address) { bytes in
      Glibc.bind(
        descriptor, bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
    }
    try #require(bound == 0 && listen(descriptor, 1) == 0)
    close(descriptor)
    try #require(access(path, F_OK) == 0)
    let router = try Socket(.router, context: context)
    try router.bind("ipc://\(path)")
    let dealer = try Socket(.dealer, context: context)
    try dealer.connect("ipc://\(path)")
    try send([7], on: dealer)
    #expect(try receive(onRouter: router).bytes == [7])
  }

  @Test func otherFailuresNameWhatWasTried() throws {
    let socket = try Socket(.dealer, context: context)
    let error = #expect(throws: TransportError.self) { try socket.connect("nonsense") }
    #expect(error?.description == "connecting to nonsense: Invalid argument")
    #expect(error?.isAddressInUse == false)
  }

  /// The longest path that `Endpoint` accepts can be listened on.
  @Test func theLongestPathWorks() throws {
    let start = ipcPath("long-")
    let path = start + String(repeating: "x", count: 107 - start.utf8.count)
    defer { unlink(path) }
    let router = try Socket(.router, context: context)
    try router.bind(Endpoint("ipc://\(path)").description)
    let dealer = try Socket(.dealer, context: context)
    try dealer.connect("ipc://\(path)")
    try send([5], on: dealer)
    #expect(try receive(onRouter: router).bytes == [5])
    #expect(throws: TransportError.self) { try router.bind("ipc://\(path)x") }
  }
}
