// Settings of a socket.

/// Settings of every kind of socket. The defaults fit every service.
public struct SocketOptions: Sendable {
  /// Frames queued for each peer before sends are refused.
  public var sendQueue: Int32 = 1000
  /// Frames queued from each peer before it must wait.
  public var receiveQueue: Int32 = 1000
  /// In bytes; a larger frame closes the connection that sent it.
  public var frameBytesMax: Int
  /// How long closing waits for queued frames.
  public var linger_ms: Int32 = 200
  /// Keeps only the newest frame (subscribers of weights).
  public var conflate = false
  /// How often a connection is checked. One that is silent for `heartbeatTimeout_ms` is closed.
  public var heartbeatInterval_ms: Int32 = 1000
  public var heartbeatTimeout_ms: Int32 = 5000

  public init(frameBytesMax: Int = 1 << 30) { self.frameBytesMax = frameBytesMax }
}
