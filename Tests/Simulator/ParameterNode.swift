// A simulated parameter server, checked by a ledger.

internal import Experience
internal import Foundations
internal import Services
internal import Wire

final class ParameterNode: Node {
  unowned let cluster: Cluster
  let index: Int
  private(set) var isUp = false
  var stalledUntil = Instant.zero
  private(set) var incarnation = 0
  private(set) var machine: ParameterServerMachine<MemoryParameterStore>
  private var generator: SeededGenerator
  private var nextReport = Instant.zero
  /// Crashes after saving, before publishing.
  var crashesWhenPublishing = false
  /// The index that this incarnation gave each learner.
  private(set) var indices: [Identifier: Int] = [:]

  init(cluster: Cluster, index: Int) {
    self.cluster = cluster
    self.index = index
    generator = SeededGenerator(seed: cluster.seed, part: "parameters")
    machine = Self.machine(cluster, MemoryParameterStore(), &generator)
    restart()
  }

  private static func machine(
    _ cluster: Cluster, _ store: MemoryParameterStore, _ generator: inout SeededGenerator
  ) -> ParameterServerMachine<MemoryParameterStore> {
    var configuration = ParameterServerConfiguration(aggregation: cluster.plan.aggregation)
    // Half a second between two saves.
    configuration.savedBytesPerSecond = Double(Plan.parameters * 4 * 4)
    configuration.milestoneEvery = cluster.plan.milestoneEvery
    configuration.publishEvery = cluster.plan.pace == nil ? .milliseconds(50) : .zero
    if cluster.plan.pace != nil { configuration.republishFirst = .milliseconds(50) }
    configuration.memberGoneAfter = .seconds(1)
    let initial = ParameterState(
      version: 1, updates: 0, merged: [], manifest: Ledger.manifest,
      values: Array(repeating: 0, count: Plan.parameters))
    return ParameterServerMachine(
      configuration: configuration, incarnation: Identifier(using: &generator),
      state: store.last ?? initial, store: store, now: cluster.now)
  }

  func crash() { isUp = false }

  /// Loses its memory, but not what was saved.
  func restart() {
    isUp = true
    incarnation += 1
    crashesWhenPublishing = false
    indices = [:]
    nextReport = cluster.now
    machine = Self.machine(cluster, machine.authority.store, &generator)
  }

  func receive(_ frame: [UInt8], over connection: Connection) {
    let sink = ParameterSink(node: self)
    report()
    checkingUpdates {
      frame.withUnsafeBytes { machine.receive($0, from: connection.peer, now: cluster.now, sink: sink) }
    }
    check()
  }

  func subscribed(_ connection: Connection) {
    guard let topic = connection.topic else { return }
    let sink = ParameterSink(node: self)
    for topic in [topic, Weights.topicMilestone, Weights.milestonePrefix + topic] {
      let notice = [1] + Weights.subscription(topic: topic)
      notice.withUnsafeBytes { machine.subscribed($0, sink: sink) }
    }
    check()
  }

  func advance() -> Instant {
    let sink = ParameterSink(node: self)
    checkingUpdates { machine.advance(to: cluster.now, sink: sink) }
    report()
    check()
    return min(machine.nextDeadline(now: cluster.now), nextReport)
  }

  /// Reports its own telemetry, as the driver does: clients know its incarnation by it.
  private func report() {
    guard cluster.now >= nextReport else { return }
    nextReport = cluster.now + .seconds(1)
    machine.report(
      Telemetry(id: machine.incarnation, service: "parameters", label: "parameters", counters: [:]),
      now: cluster.now)
  }

  private func checkingUpdates(_ body: () -> Void) {
    let before = machine.authority.state
    body()
    if cluster.plan.gradients != nil { cluster.gradients.check(before, machine.authority.state) }
  }

  private func check() {
    for problem in cluster.gradients.takeProblems() { cluster.violation(problem) }
    for problem in cluster.ledger.takeProblems() { cluster.violation(problem) }
    if machine.authority.counters.changesRefused > 0 { cluster.violation("a delta was refused") }
    if machine.counters.malformed > 0 { cluster.violation("a frame was called malformed") }
  }

  fileprivate func observe(_ bytes: UnsafeRawBufferPointer) {
    var cursor = FrameCursor(bytes)
    switch try? cursor.openMessage() {
    case .weights:
      if let weights = try? Weights(from: &cursor) { cluster.ledger.published(weights) }
    case .refusal:
      guard let refusal = try? Refusal(from: &cursor) else { return }
      if refusal.code != .unknownPeer { cluster.violation("refused: \(refusal.text)") }
    default: break
    }
  }
}

private struct ParameterSink: PublishingSink {
  let node: ParameterNode

  func send(_ bytes: UnsafeRawBufferPointer, to peer: PeerID) -> Bool {
    node.observe(bytes)
    return node.cluster.network.send(bytes, over: node.cluster.network.connections[peer], up: false)
  }

  func publish(_ bytes: UnsafeRawBufferPointer) {
    if node.crashesWhenPublishing { return }
    node.observe(bytes)
    var cursor = FrameCursor(bytes)
    guard (try? cursor.openMessage()) == .weights, let weights = try? Weights(from: &cursor) else { return }
    node.cluster.network.publish(bytes, topic: weights.topic, serviceIncarnation: node.incarnation)
  }
}
