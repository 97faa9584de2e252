// How much of a service's time a connection may take.

internal import Foundations

/// Requests of each connection within a second. What is beyond is dropped before it is decoded.
struct RequestBudget {
  /// A process reports at most 10 times a second, asks for the status 20 times, and joins,
  /// evaluates or asks for health a few times.
  static let perSecond = 64
  /// Connections that are told apart within a second; those beyond share one budget.
  private static let peersMax = 4096
  private static let others = PeerID(number: .max)

  private var taken: [PeerID: Int] = [:]
  private var windowEnds = Instant.zero

  /// - Parameter cost: how many requests it is worth.
  mutating func take(_ peer: PeerID, cost: Int = 1, now: Instant) -> Bool {
    if now >= windowEnds {
      windowEnds = now + .seconds(1)
      taken.removeAll(keepingCapacity: true)
    }
    let peer = taken.count < Self.peersMax || taken[peer] != nil ? peer : Self.others
    let count = taken[peer, default: 0]
    guard count + cost <= Self.perSecond else { return false }
    taken[peer] = count + cost
    return true
  }
}
