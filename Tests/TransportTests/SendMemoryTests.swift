// Frames that are sent without a copy.

import Foundations
import Testing
@testable import Transport

@Suite(.timeLimit(.minutes(2))) struct SendMemoryTests {
  private let context = Context()

  private func frame(_ value: UInt8, of memory: SendMemory) -> UnsafeMutableRawBufferPointer {
    let frame = memory.allocate(byteCount: 200_000)
    frame.initializeMemory(as: UInt8.self, repeating: value)
    return frame
  }

  /// A frame arrives, and its memory returns.
  @Test func memoryIsUsedAgain() throws {
    let router = try Socket(.router, context: context)
    try router.bind("tcp://127.0.0.1:*")
    let dealer = try Socket(.dealer, context: context)
    try dealer.connect(router.lastEndpoint())
    try send([1], on: dealer)
    let peer = try receive(onRouter: router).peer
    let memory = SendMemory()
    var addresses = Set<UnsafeMutableRawPointer>()
    let deadline = SystemClock.now() + patience
    var sent = 0
    while addresses.count == sent {
      try #require(SystemClock.now() < deadline, "no memory came back")
      let frame = frame(UInt8(truncatingIfNeeded: sent), of: memory)
      addresses.insert(frame.baseAddress!)
      #expect(router.send(frame, count: 150_000, of: memory, to: peer) == .sent)
      #expect(
        try receive(on: dealer) == [UInt8](repeating: UInt8(truncatingIfNeeded: sent), count: 150_000))
      sent += 1
    }
  }

  /// No peer is connected: the memory returns at once.
  @Test func memoryOfWhatIsNotSentComesBack() throws {
    let router = try Socket(.router, context: context)
    try router.bind("tcp://127.0.0.1:*")
    let memory = SendMemory()
    let first = frame(1, of: memory)
    #expect(router.send(first, count: 10, of: memory, to: PeerID(number: 42)) == .unknownPeer)
    let second = memory.allocate(byteCount: 10)
    #expect(second.baseAddress == first.baseAddress && second.count == 200_000)
    second.deallocate()
  }

  /// No more memory is kept than allowed.
  @Test func sparesAreBounded() throws {
    let router = try Socket(.router, context: context)
    try router.bind("tcp://127.0.0.1:*")
    let memory = SendMemory(spareMax: 250_000)
    let frames = [frame(1, of: memory), frame(2, of: memory)]
    for frame in frames { router.send(frame, count: 10, of: memory, to: PeerID(number: 42)) }
    let (kept, fresh) = (memory.allocate(byteCount: 10), memory.allocate(byteCount: 10))
    #expect(kept.count == 200_000 && fresh.count == 10)
    kept.deallocate()
    fresh.deallocate()
  }
}
