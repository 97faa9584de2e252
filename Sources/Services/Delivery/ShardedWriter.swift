// An actor's side of delivery to one of several shards.

public import Experience
public import Foundations
public import Wire

/// Writes all streams of an actor to one shard, the one that rendezvous hashing of the actor's id
/// ranks first. So actors spread over the shards, and a change of shards moves only the actors that
/// it concerns (Thaler & Ravishankar 1998).
///
/// * A better ranked shard that comes, or comes back, takes over once everything sent is
///   acknowledged. Nothing is dropped, and each stream continues there with a `cut`.
/// * A shard that is silent for longer than `goneAfter` loses the streams to the next in rank. Its
///   unacknowledged messages are dropped and counted, but never sent to another shard: the first
///   may have committed them. A shard that is removed loses the streams at once.
///
/// * With a `place`, the shards that have a learner come first (`LearnerWatch`). A shard that has
///   lost its learner may never acknowledge again, as no learner samples: what it has not
///   acknowledged after `leaveAfter` is dropped and counted.
///
/// Each shard sees a writer of its own, with its own id and sequence.
public struct ShardedWriter {
  /// What the writer tells the shards, and how long it waits for one.
  public struct Configuration: Sendable {
    /// The template of each shard's writer; `service` and `id` are replaced for each shard.
    public var writer: WriterMachine.Configuration
    /// How long a shard may be silent if there are other shards. It is longer than a shard needs to
    /// restart from its files.
    public var goneAfter = Instant.Span.seconds(10)

    /// With a shard for each learner (`replay.binding: own`): the number of this writer among all
    /// writers, from 0. Nil: learners share all shards, and the hash ranks them.
    public var place: Int?
    /// How long a shard without a learner may take to acknowledge what was sent, once the streams
    /// are to move to another.
    public var leaveAfter = Instant.Span.seconds(1)

    /// - Parameter writer: its `id` ranks the shards.
    public init(writer: WriterMachine.Configuration) {
      self.writer = writer
    }
  }

  /// What the writer was started with.
  public let configuration: Configuration
  /// Rises when the next chunk of each stream must be marked `cut`: after messages were dropped,
  /// and at another shard.
  public private(set) var cutEpoch: UInt64 = 0
  /// Times that the streams moved to another shard.
  public private(set) var moves: UInt64 = 0
  private var generator: SeededGenerator
  /// Which shards have a learner; nil if that does not matter.
  private var watch: LearnerWatch?
  /// Since when a better shard waits for the streams; nil while none does.
  private var betterSince: Instant?
  /// The shards in the order of their addresses.
  private var listed: [PeerID] = []
  /// The shards, best first.
  private var ranking: [PeerID] = []
  /// One machine for each shard that has been written to or tried, in no order.
  private var machines: [WriterMachine] = []
  /// The index in `machines` of the shard that is written to.
  private var home = 0
  /// Its index in `ranking`. Shards of better rank are tried all the time.
  private var rank = 0
  private var homeCutEpoch: UInt64 = 0
  private var lastWriter: Identifier?
  /// Counters of shards that were removed.
  private var past = WriterMachine.Counters()

  /// Begins without shards; `setShards` adds them.
  public init(configuration: Configuration, generator: SeededGenerator) {
    self.configuration = configuration
    self.generator = generator
    watch = configuration.place.map { LearnerWatch(place: $0) }
  }

  /// Whether no further message can begin: credit or shards are missing, or a move waits for
  /// acknowledgements.
  public var isBlocked: Bool { machines.isEmpty || machines[home].isBlocked || betterRank != nil }
  /// The shard that is written to has welcomed this writer.
  public var isReady: Bool { !machines.isEmpty && machines[home].isReady }
  /// Messages that wait for acknowledgement.
  public var unacknowledged: Int { machines.isEmpty ? 0 : machines[home].unacknowledged }
  /// Why a shard refuses this writer for good, if one does.
  public var refusal: Refusal? { machines.lazy.compactMap(\.refusal).first }
  /// The sum over all shards, removed ones included.
  public var counters: WriterMachine.Counters { machines.reduce(past) { $0 + $1.counters } }
  /// The id of this writer at the shard that is written to; nil without shards.
  public var writerID: Identifier? { machines.isEmpty ? nil : machines[home].configuration.id }
  /// The shard that is written to; nil without shards.
  public var shard: PeerID? { machines.isEmpty ? nil : machines[home].configuration.service }

  /// The steps that the shard allows, where staleness is bounded.
  public var allowance: StepAllowance { machines.isEmpty ? StepAllowance() : machines[home].allowance }

  /// The place of that shard in the list, from 1; 0 without shards.
  public var shardNumber: Int { (shard.flatMap { listed.firstIndex(of: $0) } ?? -1) + 1 }

  /// The rank of a better shard that has welcomed this writer.
  private var betterRank: Int? {
    rank == 0 ? nil : (0..<rank).first { rank in index(ofRank: rank).map { machines[$0].isReady } ?? false }
  }

  private func index(ofRank rank: Int) -> Int? {
    machines.firstIndex { $0.configuration.service == ranking[rank] }
  }
}

extension ShardedWriter {
  /// Sets the shards that there are now.
  public mutating func setShards(_ ids: [PeerID], now: Instant, sink: some FrameSink) {
    let before = shard
    listed = ids
    watch?.setShards(ids, now: now)
    ranking =
      watch?.ranking(from: before)
      ?? ids.sorted { (score($0), $0.description) > (score($1), $1.description) }
    for index in machines.indices.reversed() where !ids.contains(machines[index].configuration.service) {
      retire(machines.remove(at: index), sink: sink)
    }
    (home, rank) = (0, 0)
    guard !ranking.isEmpty else { return }
    for index in machines.indices { machines[index].goneAfter = goneAfter }
    rank = before.flatMap { ranking.firstIndex(of: $0) } ?? 0
    openHome(now: now)
  }

  /// Begins the next message: write `chunks` chunks, then the items, then call `commitFrame`. Nil
  /// when blocked.
  public mutating func beginFrame(chunks: Int) -> FrameWriter? {
    isBlocked ? nil : machines[home].beginFrame(chunks: chunks)
  }

  /// Queues the frame and sends it if the connection is ready.
  public mutating func commitFrame(now: Instant, sink: some FrameSink) {
    machines[home].commitFrame(now: now, sink: sink)
  }

  /// Asks the shard for steps to act; see `WriterMachine.ask`.
  public mutating func ask(forSteps steps: Int, now: Instant, sink: some FrameSink) {
    guard !machines.isEmpty else { return }
    machines[home].ask(forSteps: steps, now: now, sink: sink)
  }

  /// Counts steps of the grant that were acted.
  public mutating func use(steps: Int) {
    if !machines.isEmpty { machines[home].use(steps: steps) }
  }

  /// Receives a frame of a shard.
  public mutating func receive(
    _ frame: UnsafeRawBufferPointer, from shard: PeerID, now: Instant, sink: some FrameSink
  ) {
    if let mayChange = watch?.receive(frame, from: shard, now: now) {
      if mayChange { rank(now: now) }
      return
    }
    guard let index = machines.firstIndex(where: { $0.configuration.service == shard }) else { return }
    machines[index].receive(frame, now: now, sink: sink)
    moveIfDue(now: now, sink: sink)
  }

  /// Does what is due by time. Call it at `nextDeadline` or earlier.
  public mutating func advance(to now: Instant, sink: some FrameSink) {
    guard !machines.isEmpty else { return }
    if watch?.advance(to: now, sink: sink) == true { rank(now: now) }
    machines[home].advance(to: now, sink: sink)
    for rank in 0..<rank {
      if let index = index(ofRank: rank) { machines[index].advance(to: now, sink: sink) }
    }
    moveIfDue(now: now, sink: sink)
  }

  /// When `advance` is due at the latest.
  public func nextDeadline(now: Instant) -> Instant {
    guard !machines.isEmpty else { return .never }
    var deadline = min(machines[home].nextDeadline(now: now), watch?.nextAsk ?? .never)
    if let betterSince, now < betterSince + configuration.leaveAfter {
      deadline = min(deadline, betterSince + configuration.leaveAfter)
    }
    for rank in 0..<rank {
      if let index = index(ofRank: rank) { deadline = min(deadline, machines[index].nextDeadline(now: now)) }
    }
    return deadline
  }

  /// Says GOODBYE to all shards.
  public mutating func leave(sink: some FrameSink) {
    for index in machines.indices { machines[index].leave(sink: sink) }
  }
}

extension ShardedWriter {
  /// Ranks the shards again, as some have got or lost a learner. The streams stay where they are
  /// until they can move to a better shard.
  private mutating func rank(now: Instant) {
    let before = shard
    guard let watch else { return }
    ranking = watch.ranking(from: before)
    rank = before.flatMap { ranking.firstIndex(of: $0) } ?? 0
    openHome(now: now)
  }

  /// Moves to a better shard, or away from one that is gone.
  private mutating func moveIfDue(now: Instant, sink: some FrameSink) {
    guard !machines.isEmpty else { return }
    betterSince = betterRank == nil ? nil : betterSince ?? now
    if machines[home].cutEpoch != homeCutEpoch {
      // The machine has given up on its shard. The next in rank is tried, and this one goes on
      // being tried too.
      homeCutEpoch = machines[home].cutEpoch
      cutEpoch += 1
      guard rank + 1 < ranking.count, betterRank == nil else { return }
      rank += 1
    } else if let betterRank, machines[home].unacknowledged == 0 {
      rank = betterRank
    } else if let betterRank, isAbandoned(now: now) {
      machines[home].abandonPending(now: now, sink: sink)
      rank = betterRank
    } else {
      return
    }
    let former = home
    openHome(now: now)
    if home != former, machines[former].allowance.isInUse {
      machines[former].ask(forSteps: 0, now: now, sink: sink)
    }
  }

  /// Whether a better shard has waited for long enough, and the one that is written to has no
  /// learner whose samples would let it acknowledge.
  private func isAbandoned(now: Instant) -> Bool {
    guard let betterSince, let watch, let shard, now >= betterSince + configuration.leaveAfter else {
      return false
    }
    return watch.isWithoutLearner(shard, now: now)
  }

  /// Makes a machine for each shard up to `rank`, and writes to the last of them. A changed writer
  /// id means that the streams have moved.
  private mutating func openHome(now: Instant) {
    for rank in 0...rank where index(ofRank: rank) == nil {
      machines.append(machine(for: ranking[rank], now: now))
    }
    home = index(ofRank: rank) ?? 0
    homeCutEpoch = machines[home].cutEpoch
    if let lastWriter, lastWriter != writerID {
      cutEpoch += 1
      moves += 1
    }
    lastWriter = writerID
  }

  /// Ends the writer to a removed shard; its unacknowledged messages are dropped.
  private mutating func retire(_ machine: WriterMachine, sink: some FrameSink) {
    var machine = machine
    machine.leave(sink: sink)
    past = past + machine.counters
    past.messagesDropped += UInt64(machine.unacknowledged)
  }

  private mutating func machine(for shard: PeerID, now: Instant) -> WriterMachine {
    var configuration = configuration.writer
    configuration.id = Identifier(using: &generator)
    configuration.service = shard
    configuration.goneAfter = goneAfter
    return WriterMachine(configuration: configuration, now: now)
  }

  /// A single shard is waited for longer: there is no other to go to.
  private var goneAfter: Instant.Span {
    ranking.count > 1 ? configuration.goneAfter : configuration.writer.goneAfter
  }

  /// Highest random weight: a hash of writer and shard.
  private func score(_ shard: PeerID) -> UInt64 {
    let id = configuration.writer.id
    var mixer = SeededGenerator(seed: id.high)
    mixer = SeededGenerator(seed: mixer.next() ^ id.low)
    var value: UInt64 = mixer.next()
    shard.withBytes { for byte in $0 { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 } }
    mixer = SeededGenerator(seed: value)
    return mixer.next()
  }
}

extension WriterMachine.Counters {
  static func + (left: Self, right: Self) -> Self {
    var sum = left
    sum.messagesCommitted += right.messagesCommitted
    sum.messagesResent += right.messagesResent
    sum.messagesDropped += right.messagesDropped
    sum.serviceRestarts += right.serviceRestarts
    sum.malformed += right.malformed
    return sum
  }
}
