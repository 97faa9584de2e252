// The player's writers to the replay.

internal import Experience
internal import Foundations
internal import Transport
internal import Wire

/// One writer, with connections of its own. A shard takes one writer from a connection.
final class PlayerLane {
  let links: ShardLinks
  var writer: ShardedWriter

  init(links: ShardLinks, writer: ShardedWriter) {
    self.links = links
    self.writer = writer
  }
}

/// One lane to a single shard, which keeps the order of all messages; two for each of several
/// shards, so that the experience spreads over them. All messages of a recorded writer go through
/// one lane.
final class PlayerLanes {
  private(set) var lanes: [PlayerLane] = []
  private let connector: Connector
  private let settings: ServiceSettings
  private let log: Log
  private let configuration: ShardedWriter.Configuration
  private var generator: SeededGenerator

  private static let lanesMax = 64
  /// A single shard is waited for without end, as nothing of the recording may be lost.
  private static let goneAfter = Instant.Span.seconds(1e9)

  init(
    connector: Connector, settings: ServiceSettings, writer: WriterMachine.Configuration,
    generator: SeededGenerator, log: Log, now: Instant
  ) {
    self.connector = connector
    self.settings = settings
    self.log = log
    self.generator = generator
    var writer = writer
    writer.goneAfter = Self.goneAfter
    configuration = ShardedWriter.Configuration(writer: writer)
    lanes = [
      PlayerLane(
        links: ShardLinks(connector: connector, settings: settings, log: log, now: now), writer: makeWriter())
    ]
  }

  /// Rises when sockets are added or closed.
  var generation: Int { lanes.reduce(lanes.count) { $0 + $1.links.generation } }
  /// Whether a shard has welcomed a lane.
  var isReady: Bool { lanes.contains { $0.writer.isReady } }
  var unacknowledged: Int { lanes.reduce(0) { $0 + $1.writer.unacknowledged } }
  var refusal: Refusal? { lanes.lazy.compactMap(\.writer.refusal).first }
  var counters: WriterMachine.Counters {
    lanes.reduce(WriterMachine.Counters()) { $0 + $1.writer.counters }
  }

  /// The lane of a recorded writer.
  func lane(ofWriter number: Int) -> PlayerLane { lanes[number % lanes.count] }

  /// Follows the shards, receives answers, and does what is due by time.
  /// - Throws: as `ShardLinks.updateShards`.
  func advance(to now: Instant) throws {
    try follow(lanes[0], now: now)
    for lane in lanes {
      if lane !== lanes[0] { try follow(lane, now: now) }
      lane.links.drain { lane.writer.receive($0, from: $1, now: now, sink: lane.links) }
      lane.writer.advance(to: now, sink: lane.links)
    }
  }

  func nextDeadline(now: Instant) -> Instant {
    lanes.reduce(.never) { min($0, min($1.links.nextDeadline, $1.writer.nextDeadline(now: now))) }
  }

  func add(to poller: inout Poller) {
    for lane in lanes { lane.links.add(to: &poller) }
  }

  /// Says GOODBYE on all lanes.
  func leave() {
    for lane in lanes { lane.writer.leave(sink: lane.links) }
  }

  private func follow(_ lane: PlayerLane, now: Instant) throws {
    var shards: [PeerID]?
    try lane.links.updateShards(now: now) { shards = $0 }
    guard let shards else { return }
    lane.writer.setShards(shards, now: now, sink: lane.links)
    if lanes.count == 1, shards.count > 1, lane.writer.counters.messagesCommitted == 0,
      lane.writer.unacknowledged == 0
    {
      open(shards, now: now)
    }
  }

  /// Opens the lanes to several shards, before anything is sent. A writer's random id decides its
  /// shard; ids are drawn until each lane has its own.
  private func open(_ shards: [PeerID], now: Instant) {
    let quiet = Log(log.name, level: .error)
    for index in 0..<min(Self.lanesMax, 2 * shards.count) {
      let links =
        index == 0
        ? lanes[0].links : ShardLinks(connector: connector, settings: settings, log: quiet, now: now)
      var writer = makeWriter()
      for _ in 0..<64 * shards.count {
        writer.setShards(shards, now: now, sink: links)
        if writer.shard == shards[index % shards.count] { break }
        writer = makeWriter()
      }
      let lane = PlayerLane(links: links, writer: writer)
      if index == 0 { lanes = [lane] } else { lanes.append(lane) }
    }
  }

  private func makeWriter() -> ShardedWriter {
    var configuration = configuration
    configuration.writer.id = Identifier(using: &generator)
    return ShardedWriter(
      configuration: configuration, generator: SeededGenerator(seed: generator.next()))
  }
}
