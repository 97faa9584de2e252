// A simulated actor: streams of recognisable steps through a writer machine.

internal import Experience
internal import Foundations
internal import Services
internal import Wire

/// A process of the simulation.
protocol Node: AnyObject {
  var isUp: Bool { get }
  /// Frames and deadlines wait until then.
  var stalledUntil: Instant { get set }
  func receive(_ frame: [UInt8], over connection: Connection)
  /// Does what is due, and says when it wants to be woken.
  func advance() -> Instant
  func crash()
  func restart()
}

final class WriterNode: Node {
  let cluster: Cluster
  let index: Int
  private(set) var isUp = false
  var stalledUntil = Instant.zero
  private(set) var machine: WriterMachine
  private(set) var life: WriterLife
  private var streams: [SimulatedStream] = []
  private var generator: SeededGenerator
  private var cutEpoch: UInt64 = 0
  private var released: UInt64 = 0
  private var droppedSeen = 0
  private var nextProduce = Instant.zero
  private var version: UInt64 = 1
  private(set) var messagesCommitted = 0

  init(cluster: Cluster, index: Int) {
    self.cluster = cluster
    self.index = index
    generator = SeededGenerator(seed: cluster.seed, part: "writer", index: index)
    life = WriterLife(number: -1, id: .zero, base: [])
    machine = Self.machine(id: .zero, cluster: cluster)
    restart()
  }

  private static func machine(id: Identifier, cluster: Cluster) -> WriterMachine {
    var configuration = WriterMachine.Configuration(
      id: id, label: "writer", schema: StepContent.schema, tables: [cluster.plan.table])
    configuration.inFlight = cluster.plan.writerInFlight
    configuration.goneAfter = .seconds(3)
    return WriterMachine(configuration: configuration, now: cluster.now)
  }

  func crash() { isUp = false }

  /// Leaves in order: what is not acknowledged is given up.
  func leave() {
    var sink = sink
    machine.leave(sink: &sink)
    isUp = false
  }

  func restart() {
    isUp = true
    let id = Identifier(using: &generator)
    life = cluster.history.begin(
      id: id, base: (0..<cluster.plan.streams).map { _ in UInt64(generator.below(1 << 20)) })
    machine = Self.machine(id: id, cluster: cluster)
    streams = (0..<cluster.plan.streams).map {
      SimulatedStream(life: life, number: $0, nStep: cluster.plan.nStep)
    }
    cutEpoch = 0
    released = 0
    droppedSeen = 0
    nextProduce = cluster.now
  }

  private var sink: ClientSink { cluster.sink(of: index, to: .replay) }

  func receive(_ frame: [UInt8], over connection: Connection) {
    var sink = sink
    frame.withUnsafeBytes { machine.receive($0, now: cluster.now, sink: &sink) }
    check()
  }

  func advance() -> Instant {
    var sink = sink
    machine.advance(to: cluster.now, sink: &sink)
    check()
    if cluster.now >= nextProduce {
      produce()
      nextProduce = cluster.now + .milliseconds(Double(10 + generator.below(80)))
    }
    return min(machine.nextDeadline(now: cluster.now), nextProduce)
  }

  private func produce() {
    if generator.below(8) == 0 { version += 1 }
    for stream in streams.indices where generator.below(3) > 0 {
      if streams[stream].unsentCount >= 3 * Plan.rowsPerChunkMax {
        // Blocked for long: sometimes what is unsent is dropped.
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

  private func flush() {
    guard let frame = machine.beginFrame() else { return }
    var message = SentMessage()
    for stream in streams.indices where generator.below(5) > 0 {
      while let chunk = streams[stream].takeChunk(limit: 1 + generator.below(Plan.rowsPerChunkMax)) {
        message.chunks.append(chunk)
        if generator.below(2) == 0 { break }
      }
    }
    for stream in streams.indices where generator.below(5) > 0 {
      message.items += streams[stream].takeItems(limit: Plan.itemsPerMessageMax / streams.count)
    }
    if generator.below(2) == 0 {
      for item in message.items.indices { message.items[item].priority = Float(generator.below(1000)) / 100 }
    }
    MessageEncoding.encode(message, of: life, sequence: machine.nextSequence, into: frame)
    life.messages.append(message)
    var sink = sink
    machine.commitFrame(now: cluster.now, sink: &sink)
    check()
  }

  /// What the machine says is committed has been committed; what it gave up is marked.
  private func check() {
    if let refusal = machine.refusal { cluster.violation("writer \(index) was refused: \(refusal.text)") }
    if machine.unacknowledged > cluster.plan.writerInFlight {
      cluster.violation("writer \(index) has \(machine.unacknowledged) messages under way")
    }
    // The last ones framed are what it gave up.
    let dropped = Int(machine.counters.messagesDropped) - droppedSeen
    droppedSeen += dropped
    for message in life.messages.indices.suffix(dropped) { life.messages[message].isDropped = true }
    while released < machine.committed {
      released += 1
      let message = life.messages[Int(released) - 1]
      if message.isDropped { continue }
      messagesCommitted += 1
      if !message.isCommitted {
        cluster.violation("writer \(index): message \(released) is acknowledged, but was never committed")
      }
    }
  }
}
