// A simulated actor: streams of recognisable steps through a writer machine.

internal import Experience
internal import Foundations
internal import Services
internal import Wire

/// A process of the simulation.
protocol Node: AnyObject {
  var isUp: Bool { get }
  /// Frames and deadlines wait until this time.
  var stalledUntil: Instant { get set }
  func receive(_ frame: [UInt8], over connection: Connection)
  /// Does what is due, and returns when the node wants to be woken.
  func advance() -> Instant
  func crash()
  func restart()
}

final class WriterNode: Node {
  unowned let cluster: Cluster
  let index: Int
  private(set) var isUp = false
  var stalledUntil = Instant.zero
  private(set) var machine: ShardedWriter
  private(set) var incarnation: WriterIncarnation
  private var streams: [SimulatedStream] = []
  private var generator: SeededGenerator
  private var cutEpoch: UInt64 = 0
  private var releasedSeen = 0
  private var droppedSeen = 0
  private var nextProduce = Instant.zero
  private var version: UInt64 = 1
  private(set) var messagesCommitted = 0

  init(cluster: Cluster, index: Int) {
    self.cluster = cluster
    self.index = index
    generator = SeededGenerator(seed: cluster.seed, part: "writer", index: index)
    incarnation = WriterIncarnation(number: -1, id: .zero, base: [])
    machine = Self.machine(id: .zero, cluster: cluster, place: 0, generator: generator)
    restart()
  }

  /// The number among the writers.
  private var number: Int { index - cluster.replays.count - 1 }

  private static func machine(
    id: Identifier, cluster: Cluster, place: Int, generator: SeededGenerator
  ) -> ShardedWriter {
    var configuration = WriterMachine.Configuration(
      id: id, label: "writer", schema: StepContent.schema, tables: [cluster.plan.table])
    configuration.inFlight = cluster.plan.writerInFlight
    configuration.goneAfter = .seconds(3)
    var sharded = ShardedWriter.Configuration(writer: configuration)
    sharded.goneAfter = .seconds(2)
    sharded.place = cluster.plan.isOwn ? place : nil
    return ShardedWriter(configuration: sharded, generator: generator)
  }

  func crash() { isUp = false }

  /// Leaves in order: unacknowledged messages are dropped.
  func leave() {
    let sink = sink
    machine.leave(sink: sink)
    isUp = false
  }

  func restart() {
    isUp = true
    let id = Identifier(using: &generator)
    incarnation = cluster.history.begin(
      id: id,
      base: cluster.plan.pace == nil
        ? (0..<cluster.plan.streams).map { _ in UInt64(generator.below(1 << 20)) }
        : Array(repeating: UInt64(generator.below(1 << 20)), count: cluster.plan.streams))
    machine = Self.machine(
      id: id, cluster: cluster, place: number, generator: SeededGenerator(seed: generator.next()))
    streams = (0..<cluster.plan.streams).map {
      SimulatedStream(
        incarnation: incarnation, number: $0, nStep: cluster.plan.nStep, period: cluster.plan.pace?.period)
    }
    cutEpoch = 0
    releasedSeen = 0
    droppedSeen = 0
    nextProduce = cluster.now
    updateShards()
  }

  private var sink: ShardSink { ShardSink(cluster: cluster, node: index) }

  /// The session that messages go to now.
  private var session: WriterSession? {
    machine.writerID.map { incarnation.session($0, in: cluster.history) }
  }

  func updateShards() {
    guard isUp else { return }
    let sink = sink
    let before = session
    machine.setShards(cluster.listed.map(ServiceID.peer), now: cluster.now, sink: sink)
    check(before)
  }

  func receive(_ frame: [UInt8], over connection: Connection) {
    guard case .replay(let shard) = connection.service else { return }
    let sink = sink
    let before = session
    frame.withUnsafeBytes {
      machine.receive($0, from: ServiceID.peer(ofShard: shard), now: cluster.now, sink: sink)
    }
    check(before)
  }

  func advance() -> Instant {
    let sink = sink
    let before = session
    machine.advance(to: cluster.now, sink: sink)
    check(before)
    if cluster.now >= nextProduce {
      if let pace = cluster.plan.pace { produceSequences(pace.period, pace.bound.keeping) } else { produce() }
      let delay = cluster.plan.writerDelays.isEmpty ? 1 : cluster.plan.writerDelays[number]
      nextProduce = cluster.now + .milliseconds(delay * Double(10 + generator.below(80)))
    }
    return min(machine.nextDeadline(now: cluster.now), nextProduce)
  }

  private func produce() {
    if generator.below(8) == 0 { version += 1 }
    for stream in streams.indices where generator.below(3) > 0 {
      if streams[stream].unsentCount >= 3 * Plan.rowsPerChunkMax {
        // Blocked for long: sometimes unsent steps are dropped.
        if generator.below(20) == 0 { streams[stream].cut(droppingUnsent: true) }
        continue
      }
      for _ in 0...generator.below(5) { streams[stream].step(version: version, using: &generator) }
    }
    if machine.cutEpoch != cutEpoch {
      cutEpoch = machine.cutEpoch
      for stream in streams.indices { streams[stream].cut(droppingUnsent: false) }
    }
    if generator.below(4) > 0 { flush() }
  }

  /// Items of each stream since the last start.
  var itemsMade: [Int] { streams.map(\.itemsMade) }

  /// Acts with weights that may be a little older than the newest; on grants if it is paced.
  private func produceSequences(_ period: Int, _ keeping: StalenessBound.Keeping) {
    let isPaced = keeping == .pace
    let newest = cluster.ledger.version
    if generator.below(2) == 0 || version < machine.allowance.version { version = max(version, newest) }
    if version < machine.allowance.version {
      cluster.violation("writer \(index): a grant names version \(machine.allowance.version) of \(newest)")
    }
    var rows = 1 + generator.below(6)
    while rows > 0, !isPaced || machine.allowance.left >= streams.count {
      rows -= 1
      for stream in streams.indices { streams[stream].step(version: version, using: &generator) }
      if isPaced { machine.use(steps: streams.count) }
    }
    if machine.cutEpoch != cutEpoch {
      cutEpoch = machine.cutEpoch
      for stream in streams.indices { streams[stream].cut(droppingUnsent: false) }
    }
    flushAll()
    guard isPaced, machine.allowance.left < streams.count, !machine.allowance.isAsking,
      let first = streams.first,
      first.unsentCount == 0
    else { return }
    let needed = period - Int((first.next - 1) % UInt64(period))
    let sink = sink
    machine.ask(forSteps: needed * streams.count, now: cluster.now, sink: sink)
  }

  /// Sends all steps and items as one message.
  private func flushAll() {
    guard !machine.isBlocked, let session else { return }
    var message = SentMessage()
    for stream in streams.indices {
      while let chunk = streams[stream].popChunk(limit: .max) { message.chunks.append(chunk) }
      message.items += streams[stream].popItems(limit: .max)
    }
    guard !message.chunks.isEmpty, let frame = machine.beginFrame(chunks: message.chunks.count) else {
      return
    }
    MessageEncoding.encode(message, of: incarnation, into: frame)
    session.messages.append(message)
    let sink = sink
    machine.commitFrame(now: cluster.now, sink: sink)
    check(session)
  }

  private func flush() {
    guard !machine.isBlocked, let session else { return }
    var message = SentMessage()
    for stream in streams.indices where generator.below(5) > 0 {
      while let chunk = streams[stream].popChunk(limit: 1 + generator.below(Plan.rowsPerChunkMax)) {
        message.chunks.append(chunk)
        if generator.below(2) == 0 { break }
      }
    }
    for stream in streams.indices where generator.below(5) > 0 {
      message.items += streams[stream].popItems(limit: Plan.itemsPerMessageMax / streams.count)
    }
    if generator.below(2) == 0 {
      for item in message.items.indices { message.items[item].priority = Float(generator.below(1000)) / 100 }
    }
    guard let frame = machine.beginFrame(chunks: message.chunks.count) else { return }
    MessageEncoding.encode(message, of: incarnation, into: frame)
    session.messages.append(message)
    let sink = sink
    machine.commitFrame(now: cluster.now, sink: sink)
    check(session)
  }

  /// Checks that messages which the machine counts as committed have been committed, and marks
  /// those that it dropped. Only the session that was written to before the call has messages under
  /// way.
  private func check(_ session: WriterSession?) {
    if let refusal = machine.refusal { cluster.violation("writer \(index) was refused: \(refusal.text)") }
    if machine.unacknowledged > cluster.plan.writerInFlight {
      cluster.violation("writer \(index) has \(machine.unacknowledged) messages under way")
    }
    guard let session else { return }
    // The machine drops the last ones that were framed.
    let dropped = Int(machine.counters.messagesDropped) - droppedSeen
    droppedSeen += dropped
    for message in session.messages.indices.suffix(dropped) { session.messages[message].isDropped = true }
    var acknowledged = Int(machine.counters.messagesCommitted) - releasedSeen
    releasedSeen += acknowledged
    while acknowledged > 0, session.released < session.messages.count {
      let message = session.messages[session.released]
      session.released += 1
      if message.isDropped { continue }
      acknowledged -= 1
      messagesCommitted += 1
      if !message.isCommitted {
        cluster.violation(
          "writer \(index): message \(session.released) of session \(session.number) is acknowledged, but was never committed"
        )
      }
    }
    if acknowledged > 0 {
      cluster.violation("writer \(index): \(acknowledged) messages too many are acknowledged")
    }
  }
}
