// A simulated learner: checks every row that it samples, and trains by adding known numbers.

internal import Algorithms
internal import Experience
internal import Foundations
internal import ReplayStore
internal import Services
internal import Wire

final class LearnerNode: Node {
  unowned let cluster: Cluster
  let index: Int
  private let batch: Int
  private(set) var isUp = false
  var stalledUntil = Instant.zero
  private(set) var machine: LearnerMachine
  private(set) var id = Identifier.zero
  private var rule: SimulatedRule
  private var generator: SeededGenerator
  /// What the pending delta holds, and its sequence.
  private var pushed = [Double](repeating: 0, count: Plan.parameters)
  private var pushedSequence: UInt64 = 0
  private var nextUpdate = Instant.zero
  private var nextReport = Instant.zero
  private let writer = FrameWriter()
  private var deltasMergedSeen: UInt64 = 0
  private(set) var batches = 0
  private(set) var deltasMerged = 0

  init(cluster: Cluster, index: Int) {
    self.cluster = cluster
    self.index = index
    generator = SeededGenerator(seed: cluster.seed, part: "learner", index: index)
    batch = cluster.plan.batch(ofLearner: index)
    (machine, rule) = Self.machine(Identifier(using: &generator), cluster, batch, generator)
    restart()
  }

  private static func machine(
    _ id: Identifier, _ cluster: Cluster, _ batch: Int, _ generator: SeededGenerator
  ) -> (LearnerMachine, SimulatedRule) {
    let plan = cluster.plan
    var shard = SamplerMachine.Configuration(id: id, label: "learner", table: plan.table, batch: batch)
    shard.inFlight = plan.samplesInFlight
    shard.batchesPerRequest = plan.batchesPerRequest
    var sharded = ShardedSampler.Configuration(sampler: shard)
    sharded.split = plan.sampler == .fifo ? .turns : .mass
    sharded.isExclusive = plan.isOwn
    sharded.isConsumed = plan.pace != nil
    if plan.pace != nil { sharded.batchesMax = plan.gradients == nil ? 2 : 1 }
    let member = MemberMachine.Configuration(
      id: id, label: "learner", manifest: Ledger.manifest,
      aggregation: plan.aggregation)
    var configuration = LearnerMachine.Configuration(
      batch: batch, fields: plan.table.batchFields(of: StepContent.schema))
    configuration.milestoneEvery = plan.milestoneEvery
    configuration.staleness = plan.pace?.bound
    let rule = SimulatedRule(batchMax: batch, generator: generator)
    // A batch that makes no update leaves its version with too few items.
    rule.isNeverAtFault = plan.fitsExactly
    let machine = LearnerMachine(
      configuration: configuration, rule: rule,
      sampler: ShardedSampler(configuration: sharded, generator: generator, now: cluster.now),
      member: MemberMachine(configuration: member, now: cluster.now))
    return (machine, rule)
  }

  private var replay: ShardSink { ShardSink(cluster: cluster, node: index) }
  private var parameters: LearnerSink { LearnerSink(node: self) }

  func crash() { isUp = false }

  /// Leaves in order, as at SIGTERM: pushes the last delta, then says GOODBYE.
  func leave() {
    machine.leave(now: cluster.now, replay: replay, parameters: parameters)
    isUp = false
  }

  func restart() {
    isUp = true
    id = Identifier(using: &generator)
    (machine, rule) = Self.machine(id, cluster, batch, SeededGenerator(seed: generator.next()))
    pushed = Array(repeating: 0, count: Plan.parameters)
    pushedSequence = 0
    deltasMergedSeen = 0
    nextUpdate = cluster.now
    updateShards()
  }

  func updateShards() {
    guard isUp else { return }
    machine.setShards(cluster.listed.map(ServiceID.peer), now: cluster.now, replay: replay)
  }

  func receive(_ frame: [UInt8], over connection: Connection) {
    frame.withUnsafeBytes { bytes in
      switch connection.service {
      case .replay(let shard):
        machine.receive(bytes, from: ServiceID.peer(ofShard: shard), now: cluster.now, replay: replay)
      case .parameters:
        var cursor = FrameCursor(bytes)
        guard (try? cursor.openMessage()) == .weights, let weights = try? Weights(from: &cursor) else {
          machine.receive(bytes, now: cluster.now, parameters: parameters)
          return countMerged()
        }
        if weights.topic.hasPrefix(Weights.topicMilestone) {
          machine.adoptMilestone(weights)
        } else {
          adopt(weights)
        }
        checkTarget()
      }
    }
    if let refusal = machine.refusal?.refusal {
      cluster.violation("learner \(index) was refused: \(refusal.text)")
    }
  }

  private func adopt(_ weights: Weights) {
    let (version, hadWeights) = (machine.member.version, machine.member.hasWeights)
    machine.adopt(weights)
    if hadWeights, machine.member.version < version {
      cluster.violation("learner \(index) went back to version \(machine.member.version)")
    }
    countMerged()
    check()
  }

  private func countMerged() {
    guard machine.member.counters.changesMerged > deltasMergedSeen else { return }
    deltasMergedSeen = machine.member.counters.changesMerged
    deltasMerged += 1
    pushed = Array(repeating: 0, count: Plan.parameters)
  }

  /// Targets are published milestones, bit for bit: all learners have the same.
  private func checkTarget() {
    guard let target = rule.target, !cluster.ledger.isMilestone(target) else { return }
    cluster.violation("learner \(index): its target \(target) is no milestone")
  }

  /// It shares all shards, or holds one.
  var mayTrain: Bool { !cluster.plan.isOwn || machine.sampler.heldShard != nil }

  /// Milestones that the rule has got.
  var targets: Int { rule.targets }

  /// θ_local = published + unmerged. With shared gradients nothing is trained here.
  private func check() {
    let (local, reference) = (rule.parameters(), machine.member.reference)
    guard !reference.isEmpty, cluster.plan.gradients == nil else { return }
    for element in local.indices {
      let expected = Double(reference[element]) + pushed[element] + rule.unpushed[element]
      if abs(Double(local[element]) - expected) > 1e-3 {
        cluster.violation("learner \(index): local θ[\(element)] = \(local[element]), expected \(expected)")
      }
    }
  }

  func advance() -> Instant {
    let now = cluster.now
    check()
    machine.advance(to: now, replay: replay, parameters: parameters)
    if now >= nextUpdate, machine.member.hasWeights {
      update()
      nextUpdate = now + .milliseconds(Double(20 + generator.below(60)))
    }
    report()
    return min(machine.nextDeadline(now: now), nextReport, machine.member.hasWeights ? nextUpdate : .never)
  }

  /// Sends telemetry, which also tells the parameter server that the learner is there.
  private func report() {
    guard cluster.now >= nextReport else { return }
    nextReport = cluster.now + .milliseconds(300)
    Telemetry(id: id, service: "learner", label: "learner", counters: [:]).encode(into: writer)
    parameters.send(writer.bytes, to: .service)
  }

  /// Trains on all batches of a request.
  private func update() {
    do {
      while try machine.beginUpdate(now: cluster.now), let batch = machine.current {
        if machine.trainedBatches == 0 {
          batches += 1
          BatchCheck(
            cluster: cluster, batch: batch, rows: self.batch * cluster.plan.batchesPerRequest
          ).run()
        }
        checkStaleness(batch)
        machine.endUpdate(at: cluster.now, replay: replay, parameters: parameters)
        if machine.current == nil { return }
      }
    } catch {
      cluster.violation("learner \(index): \(error)")
    }
  }

  /// Rows that were too old, and left out.
  private(set) var outdated = 0
  /// Items that were trained on, under a bound on staleness.
  private(set) var trainedItems: [StreamName: Int] = [:]

  /// Nothing that was trained on is older than the bound.
  private func checkStaleness(_ batch: SampledBatch) {
    guard let bound = cluster.plan.pace?.bound, let weights = rule.takeWeights() else { return }
    for row in 0..<batch.rows where weights[row] > 0 {
      let version = batch.versions[row]
      if let name = StepContent.name(batch.columns[0] + row * ((cluster.plan.pace?.period ?? 0) + 1) * 12) {
        trainedItems[StreamName(incarnation: name.incarnation, stream: name.stream), default: 0] += 1
      }
      if bound.isExceeded(by: version, at: machine.member.version) {
        cluster.violation(
          "learner \(index): trained on version \(version) with \(machine.member.version), bound \(bound.max)"
        )
      }
    }
    outdated += weights.count { $0 == 0 }
  }

  /// What the delta of a sequence must hold.
  fileprivate func expected(_ sequence: UInt64) -> [Double] {
    guard sequence > pushedSequence else { return pushed }
    pushedSequence = sequence
    pushed = rule.unpushed
    rule.unpushed = Array(repeating: 0, count: Plan.parameters)
    return pushed
  }
}

/// Records each delta in the ledger as it is sent.
private struct LearnerSink: FrameSink {
  let node: LearnerNode

  @discardableResult
  func send(_ bytes: UnsafeRawBufferPointer, to peer: PeerID) -> Bool {
    let cluster = node.cluster
    var cursor = FrameCursor(bytes)
    if (try? cursor.openMessage()) == .delta, let delta = try? Delta(from: &cursor) {
      let values = (0..<Plan.parameters).map {
        Double(delta.values.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self))
      }
      let expected = node.expected(delta.sequence)
      if zip(values, expected).contains(where: { abs($0 - $1) > 1e-3 }) {
        cluster.violation("a delta of \(values), expected \(expected)")
      }
      cluster.ledger.sent(
        id: delta.id, sequence: delta.sequence,
        Ledger.Sent(updates: delta.updates, transitions: delta.transitions, values: values))
    }
    record(gradient: bytes)
    return cluster.sink(of: node.index, to: .parameters).send(bytes, to: peer)
  }
  private func record(gradient bytes: UnsafeRawBufferPointer) {
    var cursor = FrameCursor(bytes)
    guard (try? cursor.openMessage()) == .gradient, let gradient = try? Gradient(from: &cursor) else {
      return
    }
    let values = (0..<Plan.parameters).map {
      Double(gradient.values.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self))
    }
    node.cluster.gradients.sent(
      id: gradient.id, sequence: gradient.sequence,
      GradientLedger.Sent(rows: gradient.rows, weightMax: gradient.weightMax, values: values))
  }
}
