// Where a state machine's frames go.

public import Foundations

/// What a machine sends through: sockets in production, a seeded network in the simulator. Sending never blocks and may
/// lose the frame; machines repeat what matters.
public protocol FrameSink {
  /// False if the frame was dropped (queue full, or peer gone).
  @discardableResult
  mutating func send(_ bytes: UnsafeRawBufferPointer, to peer: PeerID) -> Bool
}

/// A sink that can also publish to all subscribers.
public protocol PublishingSink: FrameSink {
  mutating func publish(_ bytes: UnsafeRawBufferPointer)
}

extension PeerID {
  /// The one peer of a client: the service it is connected to.
  public static let service = PeerID(number: 0)
}
