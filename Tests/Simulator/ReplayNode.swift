// A simulated replay shard, checked by a naive model.

internal import Experience
internal import Foundations
internal import ReplayStore
internal import Services
internal import Wire

final class ReplayNode: Node {
  unowned let cluster: Cluster
  let index: Int
  let shard: Int
  private(set) var isUp = false
  var stalledUntil = Instant.zero
  private(set) var incarnation = 0
  private(set) var machine: ReplayMachine
  private(set) var models: [ReplayModel] = []
  private var generator: SeededGenerator
  private var received = 0
  /// Keys that this incarnation has sent in batches.
  private var drawn: Set<UInt64> = []
  private(set) var messagesCommitted = 0

  init(cluster: Cluster, index: Int, shard: Int) {
    self.cluster = cluster
    self.index = index
    self.shard = shard
    generator = SeededGenerator(seed: cluster.seed, part: "replay", index: shard)
    machine = Self.machine(cluster, &generator)
    restart()
  }

  private static func machine(_ cluster: Cluster, _ generator: inout SeededGenerator) -> ReplayMachine {
    var configuration = ReplayMachine.Configuration(store: cluster.plan.store)
    configuration.credit = cluster.plan.credit
    configuration.partBytes = cluster.plan.partBytes
    configuration.pacing = cluster.plan.pacing
    configuration.exclusiveTable = cluster.plan.isOwn ? cluster.plan.table.name : nil
    do {
      return try ReplayMachine(
        configuration: configuration, incarnation: Identifier(using: &generator),
        generator: SeededGenerator(seed: generator.next()), now: cluster.now)
    } catch {
      preconditionFailure("a plan without a store: \(error)")
    }
  }

  func crash() {
    isUp = false
    messagesCommitted += Int(machine.counters.messagesCommitted)
  }

  func restart() {
    isUp = true
    incarnation += 1
    drawn = []
    machine = Self.machine(cluster, &generator)
    models.append(ReplayModel(capacity: cluster.plan.capacity))
  }

  var committedInAll: Int { messagesCommitted + (isUp ? Int(machine.counters.messagesCommitted) : 0) }

  func receive(_ frame: [UInt8], over connection: Connection) {
    let sink = ReplaySink(node: self)
    frame.withUnsafeBytes { bytes in
      observe(received: bytes, over: connection)
      machine.receive(bytes, from: connection.peer, now: cluster.now, sink: sink)
    }
    machine.answerReceived(now: cluster.now, sink: sink)
    received += 1
    check()
  }

  func advance() -> Instant {
    let sink = ReplaySink(node: self)
    machine.advance(to: cluster.now, sink: sink)
    machine.answerReceived(now: cluster.now, sink: sink)
    return machine.nextDeadline(now: cluster.now)
  }

  /// Records who writes over a connection, and checks that priorities come to the shard that drew
  /// their items.
  private func observe(received bytes: UnsafeRawBufferPointer, over connection: Connection) {
    var cursor = FrameCursor(bytes)
    switch try? cursor.openMessage() {
    case .hello:
      guard let hello = try? Hello(from: &cursor) else { return }
      if hello.role == .writer { connection.writer = hello.id } else { connection.isSampler = true }
    case .priorities:
      // Before HELLO they are refused.
      guard cluster.plan.isOrdered, connection.isSampler, let update = try? PriorityUpdate(from: &cursor)
      else { return }
      let keys = update.keys
      for row in 0..<update.count {
        let key = keys.loadUnaligned(fromByteOffset: row * 8, as: UInt64.self)
        if !drawn.contains(key) {
          return cluster.violation("shard \(shard): a priority for \(key), which it never sent")
        }
      }
    default: break
    }
  }

  /// Sees every frame that the service sends, before the network does.
  fileprivate func observe(_ bytes: UnsafeRawBufferPointer, to connection: Connection?) {
    var cursor = FrameCursor(bytes)
    let model = models.count - 1
    let session = connection?.writer.flatMap { cluster.history.sessions[$0] }
    switch try? cursor.openMessage() {
    case .acknowledgement:
      guard let session, let frame = try? Acknowledgement(from: &cursor) else { return }
      if let problem = models[model].acknowledged(session, committed: frame.committed) {
        cluster.violation(problem)
      }
    case .welcome:
      guard let session, let frame = try? Welcome(from: &cursor) else { return }
      models[model].welcomed(session, committed: frame.committed)
    case .batch:
      guard let batch = try? Batch(from: &cursor) else { return }
      for row in 0..<batch.header.rows {
        drawn.insert(batch.keys.loadUnaligned(fromByteOffset: row * 8, as: UInt64.self))
      }
    case .refusal:
      guard let refusal = try? Refusal(from: &cursor) else { return }
      // Late frames of a writer that has left may still come.
      if refusal.code == .unknownPeer || refusal.code == .busy || refusal.text.contains("GOODBYE") { return }
      cluster.violation("refused: \(refusal.text)")
    default: break
    }
  }

  private func check() {
    let statistics = machine.store.statistics
    if let problem = models[models.count - 1].mismatch(statistics) { cluster.violation(problem) }
    // Several shards that learners share limit together, and each knows a little less than the
    // others.
    if cluster.plan.shards == 1 || cluster.plan.isOwn, let table = statistics.tables.first,
      let spi = cluster.plan.samplesPerInsert
    {
      let limits = cluster.plan.store.tables[0].limiter
      let overshoot = spi * Double(Plan.itemsPerMessageMax)
      if table.limiterError > limits.errorMax + overshoot {
        cluster.violation("limiter: error \(table.limiterError) > \(limits.errorMax)")
      }
      if table.itemsSampled > 0, table.limiterError < limits.errorMin {
        cluster.violation("limiter: error \(table.limiterError) < \(limits.errorMin)")
      }
    }
    if received % 32 == 0 { checkBounds(statistics) }
  }

  private func checkBounds(_ statistics: ReplayStoreStatistics) {
    let values = machine.telemetry(now: cluster.now)
    let credit = Double(cluster.plan.credit)
    if values["messages_waiting"]! > credit * values["writers"]! {
      cluster.violation("\(values["messages_waiting"]!) messages wait of \(values["writers"]!) writers")
    }
    if values["requests_waiting"]! > credit * values["samplers"]! {
      cluster.violation("\(values["requests_waiting"]!) requests wait of \(values["samplers"]!) samplers")
    }
    // What was sampled from a queue is gone.
    if cluster.plan.pace == nil, let table = statistics.tables.first,
      table.size != models[models.count - 1].itemsLive
    {
      cluster.violation("the table has \(table.size) items, expected \(models[models.count - 1].itemsLive)")
    }
  }

  /// Whether the item of a step had this key in some incarnation of the service.
  func served(_ name: StepName, key: UInt64, steps: Int) -> Bool {
    models.contains { model in
      key < UInt64(model.steps.count) && model.steps[Int(key)] == name && model.items[key] == steps + 1
    }
  }
}

private final class ReplaySink: FrameSink {
  let node: ReplayNode
  /// The peer that the next frame must go to.
  var begun: PeerID?

  init(node: ReplayNode) { self.node = node }

  func room(forFrames frames: Int, bytes: Int, to peer: PeerID) -> Room {
    let network = node.cluster.network
    guard network.connections[peer]?.isOpen == true else { return .gone }
    if network.chance(network.plan.queueFull) { return .later }
    begun = peer
    return .now
  }

  func send(_ bytes: UnsafeRawBufferPointer, to peer: PeerID) -> Bool {
    precondition(begun == nil || begun == peer, "a message to another peer was begun")
    begun = nil
    let connection = node.cluster.network.connections[peer]
    node.observe(bytes, to: connection)
    return node.cluster.network.send(bytes, over: connection, up: false)
  }
}
