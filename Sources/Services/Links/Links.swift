// Sockets as frame sinks.

public import Foundations
public import Transport
internal import Wire

/// A service's router socket: frames go to the peer that is named.
final class RouterLink: FrameSink {
  let socket: Socket
  let slot = FrameSlot()
  private(set) var sendsDropped: UInt64 = 0
  private(set) var discarded: UInt64 = 0

  /// Readable when there may be room again after `room` returned `later`.
  let wakeUp: WakeUp
  private let memory: SendMemory
  /// The peer of the message that `room` has begun.
  private var begun: PeerID?

  /// Frames that may wait for a peer. libzmq frees room in a queue only after half of it has been
  /// read, so only half can always be used: by `framesUnderWay` of large answers, as many small
  /// answers as the credit grants, and acknowledgements. A small frame takes 64 bytes and its
  /// content here.
  static let sendQueue: Int32 = 2048
  /// Frames of answers, sent without a copy, that may be under way to a peer.
  private static let framesUnderWay = 512
  /// Bytes of these frames: the memory of this process that one slow peer, and all peers together,
  /// may hold.
  /// One answer is always allowed.
  private static let bytesUnderWay = 64 << 20
  private static let bytesUnderWayInAll = 128 << 20
  /// From this size on a copy costs more than libzmq's work to send without one.
  private static let lentFrom = 32 << 10

  /// - Parameters:
  ///   - frameBytesMax: see `FrameBounds`.
  ///   - sendQueue: frames that may wait for a peer that does not read.
  ///   - receiveQueue: frames of each peer that may wait here.
  init(
    connector: Connector, listeningOn endpoint: Endpoint, frameBytesMax: Int = Limits.frameBytes,
    sendQueue: Int32 = RouterLink.sendQueue, receiveQueue: Int32 = 1000
  ) throws {
    var options = SocketOptions(frameBytesMax: frameBytesMax)
    options.sendQueue = sendQueue
    options.receiveQueue = receiveQueue
    wakeUp = try WakeUp()
    memory = SendMemory(wakeUp: wakeUp)
    socket = try connector.router(on: endpoint, options)
  }

  func send(_ bytes: UnsafeRawBufferPointer, to peer: PeerID) -> Bool {
    isSent(socket.send(bytes, to: peer, isBegun: endBegun(peer)))
  }

  func send(frame: FrameWriter, to peer: PeerID) -> Bool {
    if frame.bytes.count < Self.lentFrom { return send(frame.bytes, to: peer) }
    let (content, count) = frame.detach(replacement: memory.allocate(byteCount: 1 << 16))
    return isSent(socket.send(content, count: count, of: memory, to: peer, isBegun: endBegun(peer)))
  }

  private func isSent(_ sent: Socket.Sent) -> Bool {
    if case .sent = sent { return true }
    sendsDropped += 1
    return false
  }

  /// Ends the message that `room` has begun to a peer; false if none was begun.
  private func endBegun(_ peer: PeerID) -> Bool {
    precondition(begun == nil || begun == peer, "a message to another peer was begun")
    defer { begun = nil }
    return begun != nil
  }

  func room(forFrames frames: Int, bytes: Int, to peer: PeerID) -> Room {
    let (own, all) = memory.load(of: peer)
    let fillsOwn =
      own.bytes + bytes > Self.bytesUnderWay || own.frames + frames > Self.framesUnderWay
    let fillsAll = all.bytes + bytes > Self.bytesUnderWayInAll
    if own.frames > 0 && fillsOwn || all.frames > 0 && fillsAll {
      memory.awaitReturn()
      return .later
    }
    switch socket.begin(to: peer) {
    case .sent:
      begun = peer
      return .now
    case .full: return .later
    case .unknownPeer: return .gone
    }
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
  /// The socket, to be polled.
  public let socket: Socket
  let slot = FrameSlot()
  /// Frames that were dropped when they were sent.
  public private(set) var sendsDropped: UInt64 = 0
  /// Frames that were received and discarded.
  public private(set) var discarded: UInt64 = 0

  /// - Parameter frameBytesMax: see `FrameBounds`.
  public init(
    connector: Connector, to endpoint: Endpoint, frameBytesMax: Int = 1 << 30
  ) throws(TransportError) {
    socket = try connector.dealer(to: endpoint, SocketOptions(frameBytesMax: frameBytesMax))
  }

  /// Sends a frame to the service; `peer` is ignored.
  public func send(_ bytes: UnsafeRawBufferPointer, to peer: PeerID) -> Bool {
    guard case .sent = socket.send(bytes) else {
      sendsDropped += 1
      return false
    }
    return true
  }

  /// Hands at most `limit` received frames to `body`.
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
