// Waits with a limit.

import Foundations
import Testing
import Transport

/// Longer than anything here takes on a busy machine; only a failure waits for it.
let patience = Instant.Span.seconds(20)

extension [UInt8] {
  /// Sends it as one frame.
  func sent(by socket: borrowing Socket) -> Socket.Sent { withUnsafeBytes { socket.send($0) } }
  func sent(by router: borrowing Socket, to peer: PeerID) -> Socket.Sent {
    withUnsafeBytes { router.send($0, to: peer) }
  }
}

/// Sends on a dealer as soon as it is connected.
func send(_ bytes: [UInt8], on dealer: borrowing Socket) throws {
  let deadline = SystemClock.now() + patience
  var poller = Poller()
  while true {
    if case .sent = bytes.sent(by: dealer) { return }
    let now = SystemClock.now()
    try #require(now < deadline, "the dealer was not connected")
    poller.wait(until: now + .milliseconds(1), now: now)
  }
}

/// The next frame.
func receive(on socket: borrowing Socket) throws -> [UInt8] {
  let slot = FrameSlot()
  try #require(try next(on: socket, slot) == .frame)
  return Array(slot.bytes)
}

/// The next frame on a router, and its sender.
func receive(onRouter router: borrowing Socket) throws -> (bytes: [UInt8], peer: PeerID) {
  let slot = FrameSlot()
  var peer = PeerID(number: 0)
  try #require(try next(onRouter: router, slot, &peer) == .frame)
  return (Array(slot.bytes), peer)
}

func next(on socket: borrowing Socket, _ slot: FrameSlot) throws -> Socket.Received {
  var poller = Poller()
  poller.add(socket)
  let deadline = SystemClock.now() + patience
  while true {
    let received = socket.receive(into: slot)
    if received != .nothing { return received }
    let now = SystemClock.now()
    try #require(now < deadline, "nothing came")
    poller.wait(until: deadline, now: now)
  }
}

func next(onRouter router: borrowing Socket, _ slot: FrameSlot, _ peer: inout PeerID) throws
  -> Socket.Received
{
  var poller = Poller()
  poller.add(router)
  let deadline = SystemClock.now() + patience
  while true {
    let received = router.receive(into: slot, from: &peer)
    if received != .nothing { return received }
    let now = SystemClock.now()
    try #require(now < deadline, "nothing came")
    poller.wait(until: deadline, now: now)
  }
}
