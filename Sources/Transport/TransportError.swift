// What ZeroMQ said no to.

internal import CZeroMQ

/// A failed ZeroMQ call: what was tried, on which endpoint, and what the library said.
public struct TransportError: Error, Hashable, Sendable, CustomStringConvertible {
  public var operation: String
  public var code: Int32
  public var reason: String

  public init(operation: String, code: Int32, reason: String) {
    self.operation = operation
    self.code = code
    self.reason = reason
  }

  static func last(_ operation: String) -> TransportError { TransportError(operation, code: zmq_errno()) }
  static func addressInUse(_ operation: String) -> TransportError {
    TransportError(operation, code: EADDRINUSE)
  }

  private init(_ operation: String, code: Int32) {
    self.init(operation: operation, code: code, reason: String(cString: zmq_strerror(code)))
  }

  /// The address is taken by another process.
  public var isAddressInUse: Bool { code == EADDRINUSE }

  public var description: String {
    let advice = isAddressInUse ? "; another process listens there: stop it or choose another address" : ""
    return "\(operation): \(reason)\(advice)"
  }
}
