// One replica of a service.

/// A service and the number of one of its replicas.
public struct Instance: Hashable, Sendable, Comparable, CustomStringConvertible {
  /// The service's name.
  public var service: String
  /// Counted from 1.
  public var replica: Int

  public init(_ service: String, _ replica: Int) {
    self.service = service
    self.replica = replica
  }

  /// `actor-2`, as in names of log files.
  public var description: String { "\(service)-\(replica)" }

  public static func < (left: Instance, right: Instance) -> Bool {
    (left.service, left.replica) < (right.service, right.replica)
  }
}
