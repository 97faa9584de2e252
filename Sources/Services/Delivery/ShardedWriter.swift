// An actor's side of delivery to one of several shards.

public import Experience
public import Foundations
public import Wire

/// Writes all streams of an actor to one shard of those there are: the one that rendezvous hashing of the actor's id ranks first, so that
/// actors spread, and only those move that a change of shards concerns (Thaler & Ravishankar 1998).
///
/// * A better ranked shard that has come, or come back, takes over once all that was sent is acknowledged: nothing is dropped, and
///   each stream goes on there with a `cut`.
/// * A shard that stays away beyond `goneAfter` loses the streams to the next in rank; what it has not acknowledged is dropped and counted,
///   never sent elsewhere (that could double it). One that is no shard any more loses them at once.
///
/// To each shard this is a writer of its own, with its own id and sequence.
public struct ShardedWriter {
  public struct Configuration: Sendable {
    /// Of the writer to each shard; `service`, and its `id` there, are set by themselves.
    public var writer: WriterMachine.Configuration
    /// How long a shard may stay away where there are others. A start with file storage takes less.
    public var goneAfter = Instant.Span.seconds(10)

    /// - Parameter writer: its `id` ranks the shards.
    public init(writer: WriterMachine.Configuration) {
      self.writer = writer
    }
  }

  public let configuration: Configuration
  /// Rises when what follows must be marked `cut`: after messages were dropped, and at another shard.
  public private(set) var cutEpoch: UInt64 = 0
  /// Times that the streams went to another shard.
  public private(set) var moves: UInt64 = 0
  private var generator: SeededGenerator
  /// Best first.
  private var ranking: [PeerID] = []
  /// Of the shards that have been written to or tried, in no order.
  private var machines: [WriterMachine] = []
  /// The one that is written to, and its rank; those before it in rank are tried all the time.
  private var home = 0
  private var rank = 0
  private var homeCutEpoch: UInt64 = 0
  private var lastWriter: Identifier?
  /// Counters of shards that are none any more.
  private var past = WriterMachine.Counters()

  /// No shards yet: `setShards` says which.
  public init(configuration: Configuration, generator: SeededGenerator) {
    self.configuration = configuration
    self.generator = generator
  }

  /// No further message may be framed: there is no credit, no shard, or everything sent has to be acknowledged before a move.
  public var isBlocked: Bool { machines.isEmpty || machines[home].isBlocked || betterRank != nil }
  public var isReady: Bool { !machines.isEmpty && machines[home].isReady }
  public var unacknowledged: Int { machines.isEmpty ? 0 : machines[home].unacknowledged }
  public var refusal: Refusal? { machines.lazy.compactMap(\.refusal).first }
  public var counters: WriterMachine.Counters { machines.reduce(past) { $0 + $1.counters } }
  /// What this is to the shard that is written to, and the shard.
  public var writerID: Identifier? { machines.isEmpty ? nil : machines[home].configuration.id }
  public var shard: PeerID? { machines.isEmpty ? nil : machines[home].configuration.service }

  /// The rank of a better shard that is there.
  private var betterRank: Int? {
    rank == 0 ? nil : (0..<rank).first { rank in index(ofRank: rank).map { machines[$0].isReady } ?? false }
  }

  private func index(ofRank rank: Int) -> Int? {
    machines.firstIndex { $0.configuration.service == ranking[rank] }
  }
}

extension ShardedWriter {
  /// Says which shards there are now.
  public mutating func setShards(_ ids: [PeerID], now: Instant, sink: some FrameSink) {
    let before = shard
    ranking = ids.sorted { (score($0), $0.description) > (score($1), $1.description) }
    for index in machines.indices.reversed() where !ids.contains(machines[index].configuration.service) {
      retire(machines.remove(at: index), sink: sink)
    }
    (home, rank) = (0, 0)
    guard !ranking.isEmpty else { return }
    for index in machines.indices { machines[index].goneAfter = goneAfter }
    rank = before.flatMap { ranking.firstIndex(of: $0) } ?? 0
    settle(now: now)
  }

  /// The next message, begun: `chunks` chunks must follow, then the items. Nil when blocked.
  public mutating func beginFrame(chunks: Int) -> FrameWriter? {
    isBlocked ? nil : machines[home].beginFrame(chunks: chunks)
  }

  /// Queues the frame and sends it if the connection is ready.
  public mutating func commitFrame(now: Instant, sink: some FrameSink) {
    machines[home].commitFrame(now: now, sink: sink)
  }

  public mutating func receive(
    _ frame: UnsafeRawBufferPointer, from shard: PeerID, now: Instant, sink: some FrameSink
  ) {
    guard let index = machines.firstIndex(where: { $0.configuration.service == shard }) else { return }
    machines[index].receive(frame, now: now, sink: sink)
    follow(now: now)
  }

  public mutating func advance(to now: Instant, sink: some FrameSink) {
    guard !machines.isEmpty else { return }
    machines[home].advance(to: now, sink: sink)
    for rank in 0..<rank {
      if let index = index(ofRank: rank) { machines[index].advance(to: now, sink: sink) }
    }
    follow(now: now)
  }

  public func nextDeadline(now: Instant) -> Instant {
    guard !machines.isEmpty else { return .never }
    var deadline = machines[home].nextDeadline(now: now)
    for rank in 0..<rank {
      if let index = index(ofRank: rank) { deadline = min(deadline, machines[index].nextDeadline(now: now)) }
    }
    return deadline
  }

  /// Says that the writer leaves for good.
  public mutating func leave(sink: some FrameSink) {
    for index in machines.indices { machines[index].leave(sink: sink) }
  }
}

extension ShardedWriter {
  /// Moves, if it is time.
  private mutating func follow(now: Instant) {
    guard !machines.isEmpty else { return }
    if machines[home].cutEpoch != homeCutEpoch {
      // It has given up on the shard. The next in rank is tried, and this one goes on being tried, too.
      homeCutEpoch = machines[home].cutEpoch
      cutEpoch += 1
      guard rank + 1 < ranking.count, betterRank == nil else { return }
      rank += 1
    } else if let betterRank, machines[home].unacknowledged == 0 {
      rank = betterRank
    } else {
      return
    }
    settle(now: now)
  }

  /// A machine for each shard up to the rank that is written to. To another writer than before it is a move.
  private mutating func settle(now: Instant) {
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

  /// A shard is none any more; what it has not acknowledged is dropped.
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

  /// Alone, there is nowhere else to go.
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
