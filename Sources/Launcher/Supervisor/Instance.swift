// One replica of a service.

/// A service and the number of one of its replicas, counted from 1.
public struct Instance: Hashable, Sendable, Comparable, CustomStringConvertible {
  public var service: String
  public var replica: Int

  public init(_ service: String, _ replica: Int) {
    self.service = service
    self.replica = replica
  }

  /// As in names of log files: `actor-2`.
  public var description: String { "\(service)-\(replica)" }

  public static func < (left: Instance, right: Instance) -> Bool {
    (left.service, left.replica) < (right.service, right.replica)
  }
}
