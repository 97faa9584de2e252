// Faults, and what must happen once they are over.

internal import Experience
public import Foundations
internal import ReplayStore
internal import Services

extension Cluster {
  /// Everything has to progress within this time after the last fault. The slowest plan has one
  /// writer of one stream, half a sample for each insert, and 33 rows a request: three learners
  /// need some 600 inserts for three batches each. Other plans need about a second.
  static let patience = Instant.Span.seconds(60)

  /// Runs with faults for `duration`, then without until all make progress.
  public func run(faultsFor duration: Instant.Span = .seconds(5)) {
    let end = now + duration
    network.queue.add(.fault, at: now + .milliseconds(300))
    run(until: end)
    heal()
    let progress = Progress(self)
    let limit = now + Self.patience
    while violations.isEmpty, let missing = progress.missing(self) {
      if now >= limit { return violation("\(Self.patience.seconds) s after the last fault: \(missing)") }
      run(until: now + .milliseconds(200))
    }
    if plan.fitsExactly { expectNothingOutdated() }
  }

  /// Without faults, paced actors make nothing that is too old: once what the faults left is gone,
  /// every item is trained on.
  private func expectNothingOutdated() {
    run(until: now + .seconds(6))
    runFor(updates: 5)
    let outdated = outdatedInAll
    runFor(updates: 10)
    if outdatedInAll > outdated {
      violation("\(outdatedInAll - outdated) items got too old without faults")
    }
  }

  /// Runs without faults for some updates.
  /// - Returns: the items of each stream of each writer: those that were made, and those that a
  ///   learner trained on.
  public func itemsOfStreams(updates: UInt64) -> (made: [Int], trained: [Int]) {
    heal()
    runFor(updates: updates)
    let trained = learners.reduce(into: [:]) { $0.merge($1.trainedItems) { $0 + $1 } }
    var items: (made: [Int], trained: [Int]) = ([], [])
    for writer in writers {
      for (stream, made) in writer.itemsMade.enumerated() {
        let name = StreamName(incarnation: writer.incarnation.number, stream: stream)
        items.made.append(made)
        items.trained.append(trained[name] ?? 0)
      }
    }
    return items
  }

  private func runFor(updates: UInt64) {
    let (version, limit) = (ledger.version + updates, now + .seconds(60 + Double(updates)))
    while violations.isEmpty, ledger.version < version {
      if now >= limit { return violation("the weights are still version \(ledger.version)") }
      run(until: now + .milliseconds(200))
    }
  }

  private var outdatedInAll: Int {
    let removed = replays.reduce(0) {
      $0 + Int($1.machine.store.statistics.tables.first?.itemsOutdated ?? 0)
    }
    return removed + learners.reduce(0) { $0 + $1.outdated }
  }

  /// What a run did, for a reader.
  public var summary: String {
    let messages = writers.reduce(0) { $0 + $1.messagesCommitted }
    let batches = learners.reduce(0) { $0 + $1.batches }
    return
      "\(messages) messages, \(batches) batches, version \(ledger.version), \(network.framesSent) frames, "
      + "\(network.framesLost) lost, faults \(faults.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }); \(plan)"
  }

  private func heal() {
    network.isHealed = true
    parameters.crashesWhenPublishing = false
    list(Array(replays.indices))
    for node in nodes { node.stalledUntil = min(node.stalledUntil, now) }
  }

  /// Causes one fault, and schedules the next.
  func fault() {
    guard !network.isHealed else { return }
    let gap = Double(plan.faultEvery.milliseconds) * (0.2 + 1.6 * generator.uniform())
    network.queue.add(.fault, at: now + .milliseconds(gap))
    let client = replays.count + 1 + generator.below(nodes.count - replays.count - 1)
    let shard = generator.below(replays.count)
    let id: ServiceID = generator.below(2) == 0 ? .replay(shard) : .parameters
    switch generator.below(13) {
    case 0:
      count("replay crash")
      crash(replays[shard].index)
    case 1:
      count("parameter server crash")
      crash(parameters.index)
    case 2:
      parameters.crashesWhenPublishing = true
    case 3, 4:
      if nodes[client] is StatusNode { return }
      count("client crash")
      crash(client)
    case 5:
      guard nodes[client].isUp, !(nodes[client] is StatusNode) else { return }
      count("client leaves")
      (nodes[client] as? LearnerNode)?.leave()
      (nodes[client] as? WriterNode)?.leave()
      disconnect(client)
      network.queue.add(.restart(node: client), at: now + .milliseconds(Double(generator.below(900))))
    case 6, 7:
      count("partition")
      let length = Double(100 + generator.below(generator.below(3) == 0 ? 5000 : 1000))
      network.partition(node: client, from: id, until: now + .milliseconds(length))
    case 12:
      guard replays.count > 1 else { return }
      count("other shards")
      var shards = replays.indices.filter { _ in generator.below(3) > 0 }
      if shards.isEmpty { shards = [shard] }
      list(shards)
    case 8, 9:
      count("reconnection")
      disconnect(client)
    default:
      count("stall")
      let node = nodes[generator.below(nodes.count)]
      node.stalledUntil = now + .milliseconds(Double(50 + generator.below(2000)))
    }
  }

}

/// The progress of all nodes when the faults ended.
private struct Progress {
  var messages: [Int]
  var batches: [Int]
  var deltas: [Int]
  var targets: [Int]
  var version: UInt64
  var evaluation: UInt64

  init(_ cluster: Cluster) {
    messages = cluster.writers.map(\.messagesCommitted)
    batches = cluster.learners.map(\.batches)
    deltas = cluster.learners.map(\.deltasMerged)
    targets = cluster.learners.map(\.targets)
    version = cluster.ledger.version
    evaluation = cluster.status.newest
  }

  /// With a shard for each learner: a learner without one while one is free, or a writer whose
  /// shard has no learner.
  private func missingShard(_ cluster: Cluster) -> String? {
    let held = cluster.learners.compactMap(\.machine.sampler.heldShard)
    let expected = min(cluster.learners.count, cluster.replays.count)
    guard held.count == expected, Set(held).count == expected else {
      return "learners hold the shards \(held), expected \(expected) different ones"
    }
    for (index, writer) in cluster.writers.enumerated() {
      guard let shard = writer.machine.shard, held.contains(shard) else {
        return
          "writer \(index) is at \(writer.machine.shard.map(\.description) ?? "no shard"), learners are at \(held)"
      }
    }
    let lonely = held.filter { shard in !cluster.writers.contains { $0.machine.shard == shard } }
    return lonely.isEmpty ? nil : "no writer is at \(lonely), which have learners"
  }

  /// A node that has not progressed enough since; nil if all have.
  func missing(_ cluster: Cluster) -> String? {
    for (index, writer) in cluster.writers.enumerated() where writer.messagesCommitted < messages[index] + 3 {
      return "writer \(index) has committed \(writer.messagesCommitted - messages[index]) messages"
    }
    if cluster.plan.isOwn, let missing = missingShard(cluster) { return missing }
    for (index, learner) in cluster.learners.enumerated() where learner.mayTrain {
      if learner.batches < batches[index] + 3 {
        return "learner \(index) has got \(learner.batches - batches[index]) batches"
      }
      if learner.deltasMerged < deltas[index] + 3 {
        return "learner \(index) has merged \(learner.deltasMerged - deltas[index]) deltas"
      }
      if learner.targets == targets[index] { return "learner \(index) has reached no milestone" }
    }
    let indices = cluster.learners.compactMap(\.machine.member.index)
    if Set(indices).count < cluster.learners.count { return "learners share an index: \(indices)" }
    if cluster.ledger.version < version + 3 {
      return "the weights are still version \(cluster.ledger.version)"
    }
    if cluster.status.newest < evaluation + 2 { return "no evaluation has come" }
    return nil
  }
}
