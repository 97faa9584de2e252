// An actor's side of delivery to one of several shards.

internal import Experience
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
/// Each stay at a shard is a writer of its own to it, with its own id and sequence.
public struct ShardedWriter {
  public struct Configuration: Sendable {
    /// Of each stay; `id` and `service` are set by itself.
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
  /// A machine for each shard up to the one that is written to, which is the last: those before it are better, and being tried.
  private var machines: [WriterMachine] = []
  private var machineCutEpoch: UInt64 = 0
  /// Counters of stays that are over.
  private var past = WriterMachine.Counters()

  /// No shards yet: `setShards` says which.
  public init(configuration: Configuration, generator: SeededGenerator) {
    self.configuration = configuration
    self.generator = generator
  }

  /// The shard that is written to.
  public var home: PeerID? { machines.isEmpty ? nil : machines[last].configuration.service }
  /// No further message may be framed: there is no credit, no shard, or everything sent has to be acknowledged before a move.
  public var isBlocked: Bool { machines.isEmpty || machines[last].isBlocked || better != nil }
  public var isReady: Bool { !machines.isEmpty && machines[last].isReady }
  public var unacknowledged: Int { machines.isEmpty ? 0 : machines[last].unacknowledged }
  /// The sequence number that the next message must carry.
  public var nextSequence: UInt64 { machines.isEmpty ? 1 : machines[last].nextSequence }
  public var refusal: Refusal? { machines.lazy.compactMap(\.refusal).first }
  public var counters: WriterMachine.Counters { machines.reduce(past) { $0 + $1.counters } }

  /// Read in place: a copy of a machine costs more than what is asked.
  private var last: Int { machines.count - 1 }
  /// A better shard that is there.
  private var better: Int? { machines.count < 2 ? nil : machines[..<last].firstIndex(where: \.isReady) }
}

extension ShardedWriter {
  /// Says which shards there are now.
  public mutating func setShards(_ ids: [PeerID], now: Instant, sink: inout some FrameSink) {
    let home = home
    ranking = ids.sorted { (score($0), $0.description) > (score($1), $1.description) }
    let before = machines
    let place = home.flatMap { ranking.firstIndex(of: $0) } ?? 0
    machines = ranking.prefix(place + 1).map { shard in
      before.first { $0.configuration.service == shard } ?? machine(for: shard, now: now)
    }
    for index in machines.indices { machines[index].goneAfter = goneAfter }
    for machine in before where !machines.contains(where: { $0.configuration.service == machine.configuration.service }) {
      retire(machine, sink: &sink)
    }
    if home != self.home { didMove(isFirst: home == nil) }
  }

  /// A writer for the next message, which must carry `nextSequence`; nil when blocked.
  public mutating func beginFrame() -> FrameWriter? {
    isBlocked ? nil : machines[last].beginFrame()
  }

  /// Queues the frame and sends it if the connection is ready.
  public mutating func commitFrame(now: Instant, sink: inout some FrameSink) {
    machines[last].commitFrame(now: now, sink: &sink)
  }

  public mutating func receive(
    _ frame: UnsafeRawBufferPointer, from shard: PeerID, now: Instant, sink: inout some FrameSink
  ) {
    guard let index = machines.firstIndex(where: { $0.configuration.service == shard }) else { return }
    machines[index].receive(frame, now: now, sink: &sink)
    follow(now: now, sink: &sink)
  }

  public mutating func advance(to now: Instant, sink: inout some FrameSink) {
    for index in machines.indices { machines[index].advance(to: now, sink: &sink) }
    follow(now: now, sink: &sink)
  }

  public func nextDeadline(now: Instant) -> Instant {
    machines.reduce(.never) { min($0, $1.nextDeadline(now: now)) }
  }

  /// Says that the writer leaves for good.
  public mutating func leave(sink: inout some FrameSink) {
    for index in machines.indices { machines[index].leave(sink: &sink) }
  }
}

extension ShardedWriter {
  /// Moves, if it is time.
  private mutating func follow(now: Instant, sink: inout some FrameSink) {
    guard !machines.isEmpty else { return }
    if machines[last].cutEpoch != machineCutEpoch {
      // It has given up on the shard. The next in rank is tried, and this one stays among those that are.
      machineCutEpoch = machines[last].cutEpoch
      cutEpoch += 1
      guard machines.count < ranking.count, better == nil else { return }
      machines.append(machine(for: ranking[machines.count], now: now))
      didMove()
    } else if let better, machines[last].unacknowledged == 0 {
      while machines.count > better + 1 { retire(machines.removeLast(), sink: &sink) }
      didMove()
    }
  }

  private mutating func didMove(isFirst: Bool = false) {
    machineCutEpoch = machines.last?.cutEpoch ?? 0
    guard !isFirst else { return }
    cutEpoch += 1
    moves += 1
  }

  /// A stay is over; what was not acknowledged is dropped.
  private mutating func retire(_ machine: WriterMachine, sink: inout some FrameSink) {
    var machine = machine
    machine.leave(sink: &sink)
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
    var value = id.high ^ id.low
    shard.withBytes { for byte in $0 { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 } }
    var mixer = SeededGenerator(seed: value)
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
