// How a socket is set up.

/// Options common to all sockets. Defaults hold for every service.
public struct SocketOptions: Sendable {
  /// Frames queued for each peer before sends are refused.
  public var sendQueue: Int32 = 1000
  /// Frames queued from each peer before it is made to wait.
  public var receiveQueue: Int32 = 1000
  /// A larger frame closes the connection that sent it.
  public var frameBytesMax: Int
  /// How long closing waits for what is queued, in milliseconds.
  public var linger_ms: Int32 = 200
  /// Only the newest frame is kept (subscribers of weights).
  public var conflate = false
  /// A peer that is silent for `heartbeatTimeout_ms` is disconnected.
  public var heartbeatInterval_ms: Int32 = 1000
  public var heartbeatTimeout_ms: Int32 = 5000

  public init(frameBytesMax: Int = 1 << 30) { self.frameBytesMax = frameBytesMax }
}
