// The samplers of a replay.

internal import Experience
internal import Foundations
internal import Wire

/// The samplers: their connections, and how many requests of each wait.
struct ReplaySamplers {
  struct Sampler: RosterMember {
    var id: Identifier
    var waiting = 0
    /// The turn of its last waiting request.
    var lastTurn: UInt64 = 0
    /// Whether the sampler has requested something.
    var isProven = false
    /// How stale what it trained on was; nil if it has not said so.
    var trained: TrainedStaleness?
    var lastHeard: Instant
  }

  private var roster: Roster<PeerID, Sampler>
  private var peers: [Identifier: PeerID] = [:]

  init(countMax: Int, replaceableAfter: Instant.Span) {
    roster = Roster(countMax: countMax, replaceableAfter: replaceableAfter)
  }

  var all: [PeerID: Sampler] { roster.members }
  var count: Int { roster.members.count }

  subscript(peer: PeerID) -> Sampler? {
    @inline(__always) get { roster[peer] }
    @inline(__always) set { roster[peer] = newValue }
    @inline(__always) _modify { yield &roster[peer] }
  }

  func peer(of id: Identifier) -> PeerID? { peers[id] }

  /// Records that a sampler requests something now. Nil if there is none.
  mutating func hear(from peer: PeerID, now: Instant) -> Sampler? {
    guard var sampler = roster[peer] else { return nil }
    sampler.lastHeard = now
    sampler.isProven = true
    roster[peer] = sampler
    return sampler
  }

  mutating func admission(now: Instant) -> Admission<PeerID> { roster.admission(now: now) }

  /// - Parameter waiting: its batches that still wait for the disk from before it left.
  mutating func append(_ peer: PeerID, id: Identifier, waiting: Int, now: Instant) {
    roster.append(Sampler(id: id, waiting: waiting, lastHeard: now), as: peer)
    peers[id] = peer
  }

  /// Changes the id of a connection's sampler.
  mutating func rename(_ peer: PeerID, to id: Identifier, now: Instant) {
    guard let known = roster[peer] else { return }
    peers[known.id] = nil
    roster[peer]?.id = id
    roster[peer]?.lastHeard = now
    peers[id] = peer
  }

  mutating func remove(_ peer: PeerID) -> Sampler? {
    guard let sampler = roster.remove(peer) else { return nil }
    if peers[sampler.id] == peer { peers[sampler.id] = nil }
    return sampler
  }

  /// Samplers that have been silent for at least `span`.
  func silent(for span: Instant.Span, now: Instant) -> [PeerID] { roster.silent(for: span, now: now) }

  /// The first broken invariant, or nil.
  func checkInvariants() -> String? {
    for (peer, sampler) in all where peers[sampler.id] != peer {
      return "sampler \(peer): not found by its id"
    }
    return peers.count == count ? nil : "\(peers.count) ids of \(count) samplers"
  }
}
