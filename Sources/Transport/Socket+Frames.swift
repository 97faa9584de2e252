// Sending and receiving frames; never blocks.

internal import CZeroMQ
public import Foundations

extension Socket {
  /// Sends a copy of one frame.
  @discardableResult
  public func send(_ bytes: UnsafeRawBufferPointer) -> Sent {
    send(bytes, flags: ZMQ_DONTWAIT)
  }

  /// Begins a message from a router to a peer, and reports whether the peer is connected and has
  /// room. After `sent`, send its one frame with `isBegun` before anything else.
  public func begin(to peer: PeerID) -> Sent {
    peer.withBytes { send($0, flags: ZMQ_DONTWAIT | ZMQ_SNDMORE) }
  }

  /// Sends one frame from a router to a peer.
  @discardableResult
  public func send(_ bytes: UnsafeRawBufferPointer, to peer: PeerID, isBegun: Bool = false) -> Sent {
    let identity = isBegun ? .sent : begin(to: peer)
    guard case .sent = identity else { return identity }
    return send(bytes, flags: ZMQ_DONTWAIT)
  }

  /// Sends the first `count` bytes of `memory` from a router to a peer without copying them.
  /// `memory` then belongs to the socket. It returns to `owner` when it is sent, or at once if it
  /// cannot be.
  @discardableResult
  public func send(
    _ memory: UnsafeMutableRawBufferPointer, count: Int, of owner: SendMemory, to peer: PeerID,
    isBegun: Bool = false
  ) -> Sent {
    withUnsafeTemporaryAllocation(of: zmq_msg_t.self, capacity: 1) { message in
      let message = message.baseAddress!
      owner.lend(memory, count: count, to: message, for: peer)
      let identity = isBegun ? .sent : begin(to: peer)
      guard case .sent = identity else {
        zmq_msg_close(message)
        return identity
      }
      while zmq_msg_send(message, pointer, ZMQ_DONTWAIT) < 0 {
        let error = zmq_errno()
        if error == EINTR { continue }
        zmq_msg_close(message)
        return error == EHOSTUNREACH ? .unknownPeer : .full
      }
      return .sent
    }
  }

  /// Publishes the first `count` bytes of `memory` without copying them. `memory` then belongs to
  /// the socket. It returns to `owner` when all subscribers were sent it.
  @discardableResult
  public func send(_ memory: UnsafeMutableRawBufferPointer, count: Int, of owner: SendMemory) -> Sent {
    withUnsafeTemporaryAllocation(of: zmq_msg_t.self, capacity: 1) { message in
      let message = message.baseAddress!
      owner.lend(memory, count: count, to: message, for: PeerID(number: 0))
      while zmq_msg_send(message, pointer, ZMQ_DONTWAIT) < 0 {
        if zmq_errno() == EINTR { continue }
        zmq_msg_close(message)
        return .full
      }
      return .sent
    }
  }

  /// Receives one frame into `slot`.
  public func receive(into slot: FrameSlot) -> Received {
    guard next(slot) else { return .nothing }
    guard slot.hasMore else { return .frame }
    discardRest(slot)
    return .discarded
  }

  /// Receives one frame on a router, and its sender.
  public func receive(into slot: FrameSlot, from peer: inout PeerID) -> Received {
    guard next(slot) else { return .nothing }
    guard let sender = PeerID(slot.bytes), slot.hasMore else {
      discardRest(slot)
      return .discarded
    }
    peer = sender
    guard next(slot) else { return .discarded }
    guard slot.hasMore else { return .frame }
    discardRest(slot)
    return .discarded
  }

  private func send(_ bytes: UnsafeRawBufferPointer, flags: Int32) -> Sent {
    while zmq_send(pointer, bytes.baseAddress, bytes.count, flags) < 0 {
      switch zmq_errno() {
      case EINTR: continue
      case EHOSTUNREACH: return .unknownPeer
      default: return .full
      }
    }
    return .sent
  }

  private func next(_ slot: FrameSlot) -> Bool {
    while zmq_msg_recv(slot.message, pointer, ZMQ_DONTWAIT) < 0 {
      if zmq_errno() != EINTR { return false }
    }
    return true
  }

  private func discardRest(_ slot: FrameSlot) {
    while slot.hasMore, next(slot) {}
  }
}
