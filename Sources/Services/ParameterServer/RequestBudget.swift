// Limits the requests of each connection.

internal import Foundations

/// Counts the requests of each connection within a second. The service drops those beyond the limit
/// before it decodes them.
struct RequestBudget {
  /// A process reports at most 10 times a second, asks for the status 20 times, and joins,
  /// evaluates or asks for health a few times.
  static let perSecond = 64
  /// Connections with a budget of their own; all other connections share one budget.
  private static let peersMax = 4096
  private static let others = PeerID(number: .max)

  private var spent: [PeerID: Int] = [:]
  private var windowEnds = Instant.zero

  /// Counts a request; false if it is beyond the limit.
  /// - Parameter cost: how many requests it counts as.
  mutating func spend(_ peer: PeerID, cost: Int = 1, now: Instant) -> Bool {
    if now >= windowEnds {
      windowEnds = now + .seconds(1)
      spent.removeAll(keepingCapacity: true)
    }
    let peer = spent.count < Self.peersMax || spent[peer] != nil ? peer : Self.others
    let count = spent[peer, default: 0]
    guard count + cost <= Self.perSecond else { return false }
    spent[peer] = count + cost
    return true
  }
}
