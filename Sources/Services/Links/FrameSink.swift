// Where a state machine's frames go.

public import Foundations
public import Wire

/// Where a machine's frames go: sockets in production, a seeded network in the simulator. Sending
/// never blocks and may lose the frame; machines repeat what matters.
public protocol FrameSink {
  /// Sends a frame. False if it was dropped (queue full, or peer gone).
  @discardableResult
  func send(_ bytes: UnsafeRawBufferPointer, to peer: PeerID) -> Bool

  /// Sends a writer's content, which is gone after it: a large frame may be sent without a copy.
  @discardableResult
  func send(frame: FrameWriter, to peer: PeerID) -> Bool

  /// Publishes a writer's content to recorders; the content is gone after it. Only a replay has
  /// any.
  func publish(frame: FrameWriter)

  /// Whether recorders can be sent a frame of this many bytes; a frame that cannot be is counted as
  /// dropped. Ask before encoding it.
  func mayPublish(bytes: Int) -> Bool

  /// Whether a peer can get an answer of this many frames and bytes now. Ask before drawing an
  /// answer, so that none is drawn that cannot be sent. After `now` the next frame must go to this
  /// peer. After `later` the sink wakes its service once there may be room.
  func room(forFrames frames: Int, bytes: Int, to peer: PeerID) -> Room
}

/// Whether there is room for an answer on the way to a peer.
public enum Room: Sendable {
  case now
  /// Too much is under way to the peer.
  case later
  /// The peer's connection is closed.
  case gone
}

extension FrameSink {
  public func send(frame: FrameWriter, to peer: PeerID) -> Bool { send(frame.bytes, to: peer) }
  public func publish(frame: FrameWriter) {}
  public func mayPublish(bytes: Int) -> Bool { true }
  public func room(forFrames frames: Int, bytes: Int, to peer: PeerID) -> Room { .now }
}

/// A sink that can also publish to all subscribers.
public protocol PublishingSink: FrameSink {
  /// Sends a frame to all subscribers.
  func publish(_ bytes: UnsafeRawBufferPointer)
}

extension PeerID {
  /// The one peer of a client: the service it is connected to.
  public static let service = PeerID(number: 0)
}
