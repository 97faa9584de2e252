// The clients that a service remembers.

internal import Foundations

/// What a roster needs to know of a client.
protocol RosterMember {
  /// Whether the client has inserted or requested something.
  var isProven: Bool { get }
  var lastHeard: Instant { get }
}

/// Whether one more client can be remembered.
enum Admission<Key: Hashable>: Equatable {
  case free
  /// The client with this key has to be forgotten to make room.
  case instead(of: Key)
  case full
}

/// Clients by key, at most `countMax`. At the limit, the oldest client that has done nothing yet
/// makes room for the next. If all have done something, a client that has been silent for
/// `replaceableAfter` makes room.
struct Roster<Key: Hashable, Member: RosterMember> {
  private(set) var members: [Key: Member] = [:]
  /// Clients that had done nothing when they came; some have since.
  private var newcomers = Newcomers<Key>()
  private let countMax: Int
  private let replaceableAfter: Instant.Span

  init(countMax: Int, replaceableAfter: Instant.Span) {
    self.countMax = countMax
    self.replaceableAfter = replaceableAfter
  }

  subscript(key: Key) -> Member? {
    // Inlined: a call of `_modify` that is not inlined allocates memory.
    @inline(__always) get { members[key] }
    @inline(__always) set { members[key] = newValue }
    @inline(__always) _modify { yield &members[key] }
  }

  mutating func append(_ member: Member, as key: Key) {
    members[key] = member
    newcomers.append(key)
  }

  mutating func remove(_ key: Key) -> Member? { members.removeValue(forKey: key) }

  mutating func admission(now: Instant) -> Admission<Key> {
    let members = members
    func isUnproven(_ key: Key) -> Bool { members[key]?.isProven == false }
    newcomers.trim(above: 4 * countMax, where: isUnproven)
    guard members.count >= countMax else { return .free }
    let silent = now - replaceableAfter
    let replaced =
      newcomers.popFirst(where: isUnproven) ?? members.first { $0.value.lastHeard <= silent }?.key
    return replaced.map { .instead(of: $0) } ?? .full
  }

  /// Clients that have been silent for at least `span`.
  func silent(for span: Instant.Span, now: Instant) -> [Key] {
    members.compactMap { key, member in now >= member.lastHeard + span ? key : nil }
  }
}
