// Sockets as sinks.

public import Foundations
public import Transport
internal import Wire

/// A service's router: frames go to the peer that is named.
final class RouterLink: FrameSink {
  let socket: Socket
  let slot = FrameSlot()
  private(set) var sendsDropped: UInt64 = 0
  private(set) var discarded: UInt64 = 0

  init(context: Context, listeningOn endpoint: Endpoint) throws(TransportError) {
    var options = SocketOptions()
    // A batch part is about 1 MB: this bounds what waits for a peer that has stopped reading.
    options.sendQueue = 256
    socket = try Socket(.router, context: context, options: options)
    try socket.bind(endpoint.description)
  }

  func send(_ bytes: UnsafeRawBufferPointer, to peer: PeerID) -> Bool {
    guard case .sent = socket.send(bytes, to: peer) else {
      sendsDropped += 1
      return false
    }
    return true
  }

  /// From here on a copy costs more than what libzmq does to send without one.
  private static let lentFrom = 32 << 10
  private let memory = SendMemory()

  func send(frame: FrameWriter, to peer: PeerID) -> Bool {
    if frame.bytes.count < Self.lentFrom { return send(frame.bytes, to: peer) }
    let (content, count) = frame.exchange(memory.take(byteCount: 1 << 16))
    guard case .sent = socket.send(content, count: count, of: memory, to: peer) else {
      sendsDropped += 1
      return false
    }
    return true
  }

  /// Hands at most `limit` frames to `body`, so that no peer can keep the loop from its timers.
  func drain(limit: Int = 256, _ body: (UnsafeRawBufferPointer, PeerID) -> Void) {
    var peer = PeerID.service
    for _ in 0..<limit {
      switch socket.receive(into: slot, from: &peer) {
      case .frame: body(slot.bytes, peer)
      case .discarded: discarded += 1
      case .nothing: return
      }
    }
  }
}

/// A client's connection to its service.
public final class DealerLink: FrameSink {
  public let socket: Socket
  let slot = FrameSlot()
  public private(set) var sendsDropped: UInt64 = 0
  public private(set) var discarded: UInt64 = 0

  public init(context: Context, to endpoint: Endpoint) throws(TransportError) {
    socket = try Socket(.dealer, context: context)
    try socket.connect(endpoint.description)
  }

  public func send(_ bytes: UnsafeRawBufferPointer, to peer: PeerID) -> Bool {
    guard case .sent = socket.send(bytes) else {
      sendsDropped += 1
      return false
    }
    return true
  }

  public func drain(limit: Int = 256, _ body: (UnsafeRawBufferPointer) -> Void) {
    for _ in 0..<limit {
      switch socket.receive(into: slot) {
      case .frame: body(slot.bytes)
      case .discarded: discarded += 1
      case .nothing: return
      }
    }
  }
}
