// A simulated learner: checks every row it is served, and trains by adding known numbers.

internal import Experience
internal import Foundations
internal import ReplayStore
internal import Services
internal import Wire

final class LearnerNode: Node {
  let cluster: Cluster
  let index: Int
  private(set) var isUp = false
  var stalledUntil = Instant.zero
  private(set) var sampler: ShardedSampler
  private(set) var member: MemberMachine
  private(set) var id = Identifier.zero
  private var generator: SeededGenerator
  private var local: [Float] = []
  /// What the change under way holds, and what has been trained since.
  private var pushed: [Double] = []
  private var unpushed: [Double] = []
  private var updates: UInt64 = 0
  private var nextUpdate = Instant.zero
  private var nextReport = Instant.zero
  private let writer = FrameWriter()
  private var changesMergedSeen: UInt64 = 0
  private(set) var batches = 0
  private(set) var changesMerged = 0

  init(cluster: Cluster, index: Int) {
    self.cluster = cluster
    self.index = index
    generator = SeededGenerator(seed: cluster.seed, part: "learner", index: index)
    let id = Identifier(using: &generator)
    sampler = Self.sampler(id, cluster, generator)
    member = Self.member(id, cluster)
    restart()
  }

  private static func sampler(
    _ id: Identifier, _ cluster: Cluster, _ generator: SeededGenerator
  ) -> ShardedSampler {
    var configuration = SamplerMachine.Configuration(
      id: id, label: "learner", table: cluster.plan.table, batch: cluster.plan.batch)
    configuration.inFlight = cluster.plan.samplesInFlight
    configuration.batchesPerRequest = cluster.plan.batchesPerRequest
    var sharded = ShardedSampler.Configuration(sampler: configuration)
    sharded.split = cluster.plan.sampler == .fifo ? .turns : .mass
    return ShardedSampler(configuration: sharded, generator: generator, now: cluster.now)
  }

  private static func member(_ id: Identifier, _ cluster: Cluster) -> MemberMachine {
    MemberMachine(
      configuration: MemberMachine.Configuration(
        id: id, label: "learner", manifest: Ledger.manifest, aggregation: .averaging(cluster.plan.mode)),
      now: cluster.now)
  }

  func crash() { isUp = false }

  /// Leaves in order, as at SIGTERM: the last change, then goodbyes.
  func leave() {
    let replay = ShardSink(cluster: cluster, node: index)
    let parameters = LearnerSink(cluster: cluster, sink: cluster.sink(of: index, to: .parameters))
    sampler.leave(sink: replay)
    if member.canPush, updates > 0 { push(parameters) }
    member.leave(sink: parameters)
    isUp = false
  }

  func restart() {
    isUp = true
    id = Identifier(using: &generator)
    sampler = Self.sampler(id, cluster, SeededGenerator(seed: generator.next()))
    member = Self.member(id, cluster)
    local = Array(repeating: 0, count: Plan.parameters)
    pushed = Array(repeating: 0, count: Plan.parameters)
    unpushed = pushed
    updates = 0
    changesMergedSeen = 0
    nextUpdate = cluster.now
    followShards()
  }

  func followShards() {
    guard isUp else { return }
    let sink = ShardSink(cluster: cluster, node: index)
    sampler.setShards(cluster.listed.map(ServiceID.peer), now: cluster.now, sink: sink)
  }

  func receive(_ frame: [UInt8], over connection: Connection) {
    frame.withUnsafeBytes { bytes in
      switch connection.service {
      case .replay(let shard):
        let sink = ShardSink(cluster: cluster, node: index)
        sampler.receive(bytes, from: ServiceID.peer(ofShard: shard), now: cluster.now, sink: sink)
      case .parameters:
        var cursor = FrameCursor(bytes)
        if (try? cursor.openMessage()) == .weights, let weights = try? Weights(from: &cursor) {
          adopt(weights)
        } else {
          let sink = LearnerSink(cluster: cluster, sink: cluster.sink(of: index, to: .parameters))
          member.receive(bytes, now: cluster.now, sink: sink)
        }
      }
    }
    if let refusal = sampler.refusal ?? member.refusal {
      cluster.violation("learner \(index) was refused: \(refusal.text)")
    }
  }

  private func adopt(_ weights: Weights) {
    let version = member.version
    let hadWeights = member.hasWeights
    let changed = local.withUnsafeMutableBufferPointer { member.rebase(on: weights, local: $0) }
    if hadWeights, member.version < version {
      cluster.violation("learner \(index) went back to version \(member.version)")
    }
    if member.counters.changesMerged > changesMergedSeen {
      changesMergedSeen = member.counters.changesMerged
      changesMerged += 1
      pushed = Array(repeating: 0, count: Plan.parameters)
    }
    if changed { check() }
  }

  /// θ_local = published + what is unmerged.
  private func check() {
    for place in local.indices {
      let expected = Double(member.reference[place]) + pushed[place] + unpushed[place]
      if abs(Double(local[place]) - expected) > 1e-3 {
        cluster.violation("learner \(index): local θ[\(place)] = \(local[place]), expected \(expected)")
      }
    }
  }

  func advance() -> Instant {
    let now = cluster.now
    let replay = ShardSink(cluster: cluster, node: index)
    let parameters = LearnerSink(cluster: cluster, sink: cluster.sink(of: index, to: .parameters))
    sampler.advance(to: now, sink: replay)
    member.advance(to: now, sink: parameters)
    if now >= nextUpdate, member.hasWeights {
      if let batch = sampler.take() { update(batch, replay) }
      nextUpdate = now + .milliseconds(Double(20 + generator.below(60)))
    }
    if member.canPush, updates > 0 { push(parameters) }
    report(parameters)
    let deadline = min(sampler.nextDeadline(now: now), member.nextDeadline(now: now))
    return min(deadline, nextReport, member.hasWeights ? nextUpdate : .never)
  }

  /// Its counters, by which the parameter server also knows that it is there.
  private func report(_ sink: LearnerSink) {
    guard cluster.now >= nextReport else { return }
    nextReport = cluster.now + .milliseconds(300)
    Telemetry(id: id, service: "learner", label: "learner", counters: [:]).encode(into: writer)
    sink.send(writer.bytes, to: .service)
  }

  private func update(_ batch: SampledBatch, _ sink: ShardSink) {
    batches += 1
    BatchCheck(cluster: cluster, batch: batch).run()
    let priorities = (0..<batch.rows).map { _ in Float(generator.below(1000)) / 64 }
    priorities.withUnsafeBufferPointer { sampler.update(batch, priorities: $0, sink: sink) }
    sampler.release(batch, now: cluster.now, sink: sink)
    for place in local.indices {
      let step = Double(generator.below(129) - 64) / 64
      local[place] += Float(step)
      unpushed[place] += step
    }
    updates += 1
  }

  private func push(_ sink: LearnerSink) {
    check()
    pushed = unpushed
    unpushed = Array(repeating: 0, count: Plan.parameters)
    var sink = sink
    sink.expected = pushed
    local.withUnsafeBufferPointer {
      member.push(
        local: $0, updates: updates, oldestUpdate: 1, newestUpdate: 2, now: cluster.now, sink: sink)
    }
    updates = 0
  }
}

/// Writes each change into the ledger as it is sent.
struct LearnerSink: FrameSink {
  let cluster: Cluster
  var sink: ClientSink
  /// What the next change must hold.
  var expected: [Double]?

  @discardableResult
  func send(_ bytes: UnsafeRawBufferPointer, to peer: PeerID) -> Bool {
    var cursor = FrameCursor(bytes)
    if (try? cursor.openMessage()) == .change, let change = try? Change(from: &cursor) {
      let values = (0..<Plan.parameters).map {
        Double(change.values.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self))
      }
      if let expected, zip(values, expected).contains(where: { abs($0 - $1) > 1e-3 }) {
        cluster.violation("a change of \(values), expected \(expected)")
      }
      cluster.ledger.sent(id: change.id, sequence: change.sequence, updates: change.updates, values: values)
    }
    return sink.send(bytes, to: peer)
  }
}
