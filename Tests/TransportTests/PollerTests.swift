// Deadlines, what wakes a poller and what does not, and the end of contexts.

import Foundations
import Glibc
import Testing
@testable import Transport

@Suite(.timeLimit(.minutes(2))) struct PollerTests {
  /// Two ends of a pipe, closed with it.
  private final class Pipe {
    let read: Int32
    let write: Int32

    init() throws {
      var ends: [Int32] = [0, 0]
      try #require(pipe(&ends) == 0)
      (read, write) = (ends[0], ends[1])
    }

    deinit {
      close(read)
      close(write)
    }

    func fill() { _ = [UInt8(1)].withUnsafeBytes { Glibc.write(write, $0.baseAddress, 1) } }
  }

  @Test(arguments: [0.1, 1, 5, 30]) func sleepsUntilTheDeadline(milliseconds: Double) throws {
    let pipe = try Pipe()
    var poller = Poller()
    let index = poller.add(descriptor: pipe.read)
    let now = SystemClock.now()
    let deadline = now + .milliseconds(milliseconds)
    poller.wait(until: deadline, now: now)
    #expect(SystemClock.now() >= deadline)
    #expect(poller.isReadable(index) == false)
  }

  @Test func aPastDeadlineOnlyLooks() throws {
    let pipe = try Pipe()
    var poller = Poller()
    let index = poller.add(descriptor: pipe.read)
    let now = SystemClock.now()
    poller.wait(until: now - .seconds(100), now: now)
    #expect(poller.isReadable(index) == false)
    pipe.fill()
    poller.wait(until: .zero, now: SystemClock.now())
    #expect(poller.isReadable(index) == true)
    #expect(SystemClock.now() - now < patience)
  }

  @Test func whatIsReadableWakesIt() throws {
    let (quiet, loud) = (try Pipe(), try Pipe())
    let context = Context()
    let router = try Socket(.router, context: context)
    try router.bind("tcp://127.0.0.1:*")
    let dealer = try Socket(.dealer, context: context)
    try dealer.connect(router.lastEndpoint())
    var poller = Poller()
    let indices = [poller.add(router), poller.add(descriptor: quiet.read), poller.add(descriptor: loud.read)]
    #expect(indices == [0, 1, 2])
    loud.fill()
    poller.wait(until: .never, now: SystemClock.now())
    #expect(indices.map { poller.isReadable($0) } == [false, false, true])
    try send([1], on: dealer)
    poller.wait(until: .never, now: SystemClock.now(), except: [2])
    #expect(indices.map { poller.isReadable($0) } == [true, false, false])
  }

  @Test func whatIsIgnoredDoesNotWakeIt() throws {
    let pipe = try Pipe()
    let context = Context()
    let router = try Socket(.router, context: context)
    try router.bind("tcp://127.0.0.1:*")
    let dealer = try Socket(.dealer, context: context)
    try dealer.connect(router.lastEndpoint())
    var poller = Poller()
    let socketIndex = poller.add(router)
    let pipeIndex = poller.add(descriptor: pipe.read)
    pipe.fill()
    try send([1], on: dealer)
    poller.wait(until: .never, now: SystemClock.now(), except: [pipeIndex])
    #expect(poller.isReadable(socketIndex) == true)
    let now = SystemClock.now()
    let deadline = now + .milliseconds(20)
    poller.wait(until: deadline, now: now, except: [socketIndex, pipeIndex])
    #expect(SystemClock.now() >= deadline)
    #expect((poller.isReadable(socketIndex), poller.isReadable(pipeIndex)) == (false, false))
    // Only this once.
    poller.wait(until: .never, now: SystemClock.now())
    #expect((poller.isReadable(socketIndex), poller.isReadable(pipeIndex)) == (true, true))
  }
}

@Suite(.timeLimit(.minutes(2))) struct TeardownTests {
  /// Sockets hold their context: it ends after them, in whatever order they are released, also with
  /// unsent frames.
  @Test(arguments: 0..<6) func nothingHangs(order: Int) throws {
    let start = SystemClock.now()
    for _ in 0..<3 { try makeAndDrop(order) }
    // Each waits at most its linger of 200 ms for what is unsent.
    #expect(SystemClock.now() - start < patience)
  }

  private func makeAndDrop(_ order: Int) throws {
    var context: Context? = Context()
    let router = try Socket(.router, context: context!)
    try router.bind("tcp://127.0.0.1:*")
    let dealer = try Socket(.dealer, context: context!)
    try dealer.connect(router.lastEndpoint())
    let publisher = try Socket(.publisher, context: context!)
    try publisher.bind("tcp://127.0.0.1:*")
    if order % 2 == 0 { context = nil }
    for _ in 0..<10 { try send(Array(repeating: 1, count: 100_000), on: dealer) }
    switch order {
    case 0, 1:
      drop(router)
      drop(dealer)
      drop(publisher)
    case 2, 3:
      drop(publisher)
      drop(dealer)
      drop(router)
    default:
      drop(dealer)
    }
    context = nil
  }

  private func drop(_ socket: consuming Socket) {}

  /// A socket that cannot be opened leaves nothing behind.
  @Test func contextsEndAfterFailures() throws {
    let context = Context()
    var options = SocketOptions()
    options.sendQueue = -1
    for _ in 0..<3 {
      #expect(throws: TransportError.self) { drop(try Socket(.router, context: context, options: options)) }
    }
  }
}
