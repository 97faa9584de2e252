// The writers of a replay.

internal import Experience
internal import Foundations
internal import ReplayStore

/// The writers: their connections, how far each is committed, which acknowledgements are due, and
/// who has left.
struct ReplayWriters {
  struct Writer: RosterMember {
    let id: Identifier
    let name: PublicName
    var label: String
    var peer: PeerID
    var committed: UInt64
    /// Something was committed since the last acknowledgement.
    var isAcknowledgementDue = false
    /// Messages that wait.
    var waiting = 0
    /// Bytes of its messages that wait.
    var waitingBytes = 0
    /// The turn of its last waiting message.
    var lastTurn: UInt64 = 0
    /// Whether the writer has inserted something.
    var isProven = false
    var lastHeard: Instant

    /// The sequence that is expected next.
    var next: UInt64 { committed + UInt64(waiting) + 1 }

    /// Records a commit. True for the first one since the last acknowledgement.
    mutating func commit(_ sequence: UInt64) -> Bool {
      isProven = true
      committed = sequence
      defer { isAcknowledgementDue = true }
      return !isAcknowledgementDue
    }
  }

  /// The writer of a handle, kept while the ring has steps of it.
  struct Label {
    var id: Identifier
    var text: String
  }

  struct Departure {
    var handle: Int
    var since: Instant
  }

  private var roster: Roster<Int, Writer>
  private var handles: [Identifier: Int] = [:]
  private var handleOfPeer: [PeerID: Int] = [:]
  private(set) var labels: [Int: Label] = [:]
  /// Writers that have said GOODBYE: a late repetition of their messages must not open them again.
  private(set) var departed: [Identifier: Departure] = [:]
  private let departedMax: Int
  /// All handles below have been used.
  private(set) var nextHandle = 0
  /// Writers to acknowledge, in the order of their first commits.
  private(set) var due: [Int] = []

  init(countMax: Int, replaceableAfter: Instant.Span) {
    roster = Roster(countMax: countMax, replaceableAfter: replaceableAfter)
    departedMax = countMax
  }

  var all: [Int: Writer] { roster.members }
  var count: Int { roster.members.count }

  subscript(handle: Int) -> Writer? {
    @inline(__always) get { roster[handle] }
    @inline(__always) set { roster[handle] = newValue }
    @inline(__always) _modify { yield &roster[handle] }
  }

  func handle(of id: Identifier) -> Int? { handles[id] }
  func handle(of peer: PeerID) -> Int? { handleOfPeer[peer] }

  /// Records that a writer has sent something now. Nil if there is none.
  mutating func hear(_ handle: Int, now: Instant) -> Writer? {
    guard var writer = roster[handle] else { return nil }
    writer.lastHeard = now
    roster[handle] = writer
    return writer
  }

  mutating func admission(now: Instant) -> Admission<Int> { roster.admission(now: now) }

  /// Adds a writer that comes for the first time. Returns its handle.
  mutating func append(
    id: Identifier, label: String, peer: PeerID, committed: UInt64, now: Instant
  ) -> Int {
    assert(handles[id] == nil, "it is here already")
    let handle = claimHandle(of: id, label: label)
    handles[id] = handle
    roster.append(
      Writer(
        id: id, name: id.publicName, label: label, peer: peer, committed: committed, lastHeard: now),
      as: handle)
    return handle
  }

  /// Uses the next handle; also for restores, which write without a connection.
  mutating func claimHandle(of id: Identifier, label: String) -> Int {
    labels[nextHandle] = Label(id: id, text: label)
    nextHandle += 1
    return nextHandle - 1
  }

  /// Keeps handles from being used that writers of earlier incarnations had.
  mutating func skipHandles(below handle: Int) { nextHandle = max(nextHandle, handle) }

  /// Adds a writer that the previous incarnation knew.
  mutating func resume(_ known: KnownWriter, now: Instant) {
    skipHandles(below: known.handle + 1)
    labels[known.handle] = Label(id: known.id, text: known.label)
    if known.hasLeft {
      departed[known.id] = Departure(handle: known.handle, since: now)
    } else {
      handles[known.id] = known.handle
      // Not as a new client: this writer has inserted something once.
      roster[known.handle] = Writer(
        id: known.id, name: known.id.publicName, label: known.label, peer: .service,
        committed: known.committed, lastHeard: now)
    }
  }

  /// Records the connection that a writer uses from now on.
  mutating func connect(_ handle: Int, to peer: PeerID, now: Instant) {
    guard let old = roster[handle]?.peer else { return }
    if old != peer { handleOfPeer[old] = nil }
    roster[handle]?.peer = peer
    roster[handle]?.lastHeard = now
    handleOfPeer[peer] = handle
  }

  /// Records a commit: the writer's next message is expected.
  mutating func didCommit(_ handle: Int, _ sequence: UInt64) {
    guard var writer = roster[handle] else { return }
    if writer.commit(sequence) { due.append(handle) }
    roster[handle] = writer
  }

  /// Clears a writer's due acknowledgement. Nil if the writer is not here any more.
  mutating func acknowledge(_ handle: Int) -> Writer? {
    guard var writer = roster[handle] else { return nil }
    writer.isAcknowledgementDue = false
    roster[handle] = writer
    return writer
  }

  mutating func endAcknowledgements() { due.removeAll(keepingCapacity: true) }

  mutating func remove(_ handle: Int) -> Writer? {
    guard let writer = roster.remove(handle) else { return nil }
    handles[writer.id] = nil
    if handleOfPeer[writer.peer] == handle { handleOfPeer[writer.peer] = nil }
    return writer
  }

  /// Remembers that a removed writer has left for good; false if too many have.
  mutating func depart(_ id: Identifier, handle: Int, now: Instant) -> Bool {
    guard departed.count < departedMax else { return false }
    departed[id] = Departure(handle: handle, since: now)
    return true
  }

  /// Writers that have been silent for at least `span`.
  func silent(for span: Instant.Span, now: Instant) -> [Int] { roster.silent(for: span, now: now) }

  /// Forgets writers that left at least `span` ago. Returns their handles.
  mutating func forgetDeparted(for span: Instant.Span, now: Instant) -> [Int] {
    let gone = departed.filter { now >= $0.value.since + span }
    for id in gone.keys { departed[id] = nil }
    return gone.map(\.value.handle)
  }

  /// Forgets the labels of writers that are not here and own no step.
  mutating func trimLabels(withSteps handles: Set<Int>) {
    labels = labels.filter { roster[$0.key] != nil || handles.contains($0.key) }
  }

  /// Writers whose messages may come again, for the next incarnation.
  var known: [KnownWriter] {
    let present = all.map { handle, writer in
      KnownWriter(
        handle: handle, id: writer.id, label: writer.label, committed: writer.committed, hasLeft: false)
    }
    let left = departed.map { id, departure in
      KnownWriter(
        handle: departure.handle, id: id, label: labels[departure.handle]?.text ?? "", committed: 0,
        hasLeft: true)
    }
    return present + left
  }

  /// The first broken invariant, or nil.
  func checkInvariants() -> String? {
    if handles.count != count { return "\(handles.count) handles of \(count) writers" }
    for (handle, writer) in all {
      if handles[writer.id] != handle { return "writer \(handle): not found by its id" }
      if departed[writer.id] != nil { return "writer \(handle): has left and is here" }
      if handle >= nextHandle { return "writer \(handle): the next would be \(nextHandle)" }
      if writer.isAcknowledgementDue != due.contains(handle) {
        return "writer \(handle): whether an acknowledgement is due differs from the list of those due"
      }
    }
    for (peer, handle) in handleOfPeer where roster[handle]?.peer != peer {
      return "peer \(peer): writer \(handle) has another connection"
    }
    return nil
  }
}
