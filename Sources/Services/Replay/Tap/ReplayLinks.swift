// The replay's two sockets as one sink.

internal import Foundations
internal import Transport
internal import Wire

/// Sends answers over the router socket and what was accepted over the tap, if there is one.
final class ReplayLinks: FrameSink {
  let router: RouterLink
  let tap: TapLink?

  init(router: RouterLink, tap: TapLink?) {
    self.router = router
    self.tap = tap
  }

  func send(_ bytes: UnsafeRawBufferPointer, to peer: PeerID) -> Bool { router.send(bytes, to: peer) }
  func send(frame: FrameWriter, to peer: PeerID) -> Bool { router.send(frame: frame, to: peer) }
  func publish(frame: FrameWriter) { tap?.publish(frame: frame) }
  func mayPublish(bytes: Int) -> Bool { tap?.hasRoom(bytes: bytes) ?? false }

  func room(forFrames frames: Int, bytes: Int, to peer: PeerID) -> Room {
    router.room(forFrames: frames, bytes: bytes, to: peer)
  }
}

/// The socket to recorders. A recorder that does not read misses messages; it never holds up the
/// replay. What waits for recorders is bounded in frames and in bytes.
final class TapLink {
  let publisher: PublisherSocket
  /// Messages that were not published, because too many bytes waited.
  private(set) var dropped: UInt64 = 0
  private let memory = SendMemory()
  /// The prefixes that are subscribed to.
  private var prefixes: Set<[UInt8]> = []

  /// Frames that may wait for a recorder: a quarter of a second at 20,000 messages a second.
  private static let sendQueue: Int32 = 4096
  /// Larger frames are sent without a copy, so what waits of them is known.
  private static let lentFrom = 1 << 10
  /// Bytes of these that may wait, beside one frame. More would only push useful memory out of the
  /// caches.
  private static let bytesUnderWay = 8 << 20
  private static let prefixesMax = 64

  init(connector: Connector, listeningOn endpoint: Endpoint) throws {
    publisher = try PublisherSocket(
      connector: connector, listeningOn: endpoint, sendQueue: Self.sendQueue)
  }

  func publish(frame: FrameWriter) {
    guard frame.count >= Self.lentFrom else {
      publisher.socket.send(frame.bytes)
      return
    }
    // It grows to the size of messages, and what waits is counted by what it takes.
    let (content, count) = frame.detach(replacement: memory.allocate(byteCount: 4 << 10))
    publisher.socket.send(content, count: count, of: memory)
  }

  /// False, and counted, if too much waits for recorders already.
  func hasRoom(bytes: Int) -> Bool {
    let load = memory.load(of: .service).own
    if load.frames == 0 || load.bytes + bytes <= Self.bytesUnderWay && load.frames < Int(Self.sendQueue) / 2 {
      return true
    }
    dropped += 1
    return false
  }

  /// Whether somebody listens now, and whether somebody new does; nil if nothing has changed.
  func changes() -> (isListened: Bool, isNew: Bool)? {
    var isNew = false
    var hasChanged = false
    publisher.drainSubscriptions { frame in
      guard let first = frame.first else { return }
      hasChanged = true
      let prefix = Array(frame.dropFirst())
      if first == 0 {
        prefixes.remove(prefix)
      } else {
        isNew = true
        if prefixes.count < Self.prefixesMax { prefixes.insert(prefix) }
      }
    }
    return hasChanged ? (!prefixes.isEmpty, isNew) : nil
  }
}
