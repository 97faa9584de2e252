// Where a state machine's frames go.

public import Foundations
public import Wire

/// What a machine sends through: sockets in production, a seeded network in the simulator. Sending never blocks and may
/// lose the frame; machines repeat what matters.
public protocol FrameSink {
  /// False if the frame was dropped (queue full, or peer gone).
  @discardableResult
  func send(_ bytes: UnsafeRawBufferPointer, to peer: PeerID) -> Bool

  /// The same for what a writer holds, whose content is gone after it: a large frame may be sent from where it lies.
  @discardableResult
  func send(frame: FrameWriter, to peer: PeerID) -> Bool

  /// Whether a peer takes an answer of so many frames and bytes now: ask before the answer is
  /// drawn, so that none is drawn that cannot be sent. After `now` the next frame must go to this
  /// peer. After `later` the sink wakes its service once there may be room.
  func room(forFrames frames: Int, bytes: Int, to peer: PeerID) -> Room
}

/// Whether there is room for an answer on the way to a peer.
public enum Room: Sendable {
  case now
  /// Too much is under way to it.
  case later
  /// Its connection is closed.
  case gone
}

extension FrameSink {
  public func send(frame: FrameWriter, to peer: PeerID) -> Bool { send(frame.bytes, to: peer) }
  public func room(forFrames frames: Int, bytes: Int, to peer: PeerID) -> Room { .now }
}

/// A sink that can also publish to all subscribers.
public protocol PublishingSink: FrameSink {
  func publish(_ bytes: UnsafeRawBufferPointer)
}

extension PeerID {
  /// The one peer of a client: the service it is connected to.
  public static let service = PeerID(number: 0)
}
