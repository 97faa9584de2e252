// A whole run on a simulated network.

internal import Configuration
internal import Foundations
public import Experience
internal import Services

/// Writers, replay shards, learners, a parameter server and a client that follows the run's status,
/// driven from one seed. They run with faults first, then without, when all must progress within a
/// bounded time. Invariants are checked at every step.
public final class Cluster {
  public let seed: UInt64
  let plan: Plan
  let network: Network
  let history = History()
  var ledger: Ledger
  var gradients = GradientLedger()
  var generator: SeededGenerator
  private(set) var nodes: [any Node] = []
  private(set) var writers: [WriterNode] = []
  private(set) var learners: [LearnerNode] = []
  private(set) var replays: [ReplayNode] = []
  private(set) var parameters: ParameterNode!
  private(set) var status: StatusNode!
  /// Violated invariants, each with its time; the first says most.
  public private(set) var violations: [String] = []
  public private(set) var faults: [String: Int] = [:]
  /// The shards that clients are told of.
  private(set) var listed: [Int]
  private var wakeAt: [Instant] = []
  /// Shards that two learners hold, and since when.
  private var heldTwice: [PeerID: Instant] = [:]
  private var connections: [[Connection?]] = []

  var now: Instant { network.now }

  /// - Parameters:
  ///   - isOwn: whether each learner has a shard of its own.
  ///   - isPaced: whether actors are paced for a bound on staleness.
  ///   - unequal: what keeps a bound on the staleness of two writers of unlike speeds.
  public init(
    seed: UInt64, isOwn: Bool = false, isPaced: Bool = false, unequal: StalenessBound.Keeping? = nil
  ) {
    self.seed = seed
    plan = Plan(seed: seed, isOwn: isOwn, isPaced: isPaced, unequal: unequal)
    network = Network(plan: plan, seed: seed)
    generator = SeededGenerator(seed: seed, part: "faults")
    ledger = Ledger(
      outer: plan.mode == .rounds ? plan.outer : nil, sharesGradients: plan.gradients != nil)
    listed = Array(0..<plan.shards)
    for shard in listed { replays.append(add { ReplayNode(cluster: self, index: $0, shard: shard) }) }
    parameters = add { ParameterNode(cluster: self, index: $0) }
    for _ in 0..<plan.writers { writers.append(add { WriterNode(cluster: self, index: $0) }) }
    for _ in 0..<plan.learners { learners.append(add { LearnerNode(cluster: self, index: $0) }) }
    status = add { StatusNode(cluster: self, index: $0) }
    for index in nodes.indices {
      for service in services(of: index) {
        network.queue.add(.connect(node: index, service: service), at: now)
      }
      wake(index, at: now)
    }
  }

  private func add<N: Node>(_ make: (Int) -> N) -> N {
    wakeAt.append(.never)
    connections.append(Array(repeating: nil, count: ServiceID.count))
    let node = make(nodes.count)
    nodes.append(node)
    return node
  }

  func violation(_ text: String) {
    guard violations.count < 10 else { return }
    violations.append("at \((now - .zero).milliseconds) ms: \(text)")
  }

  func count(_ fault: String) { faults[fault, default: 0] += 1 }

  func services(of node: Int) -> [ServiceID] {
    switch nodes[node] {
    case is WriterNode: replays.indices.map(ServiceID.replay)
    case is LearnerNode: replays.indices.map(ServiceID.replay) + [.parameters]
    case is StatusNode: [.parameters]
    default: []
    }
  }

  func sink(of node: Int, to service: ServiceID) -> ClientSink {
    ClientSink(network: network, connection: connections[node][service.number])
  }
}

extension Cluster {
  /// Runs until `end`, or until an invariant is violated.
  func run(until end: Instant) {
    while violations.isEmpty, network.queue.next <= end, let (at, event) = network.queue.removeFirst() {
      network.now = max(network.now, at)
      handle(event)
    }
    network.now = max(network.now, end)
  }

  private func handle(_ event: Event) {
    switch event {
    case .up(let connection, let frame):
      let node = service(connection.service)
      guard isUp(connection) else { return }
      guard now >= node.stalledUntil else { return network.queue.add(event, at: node.stalledUntil) }
      node.receive(frame, over: connection)
      advance(index(of: connection.service))
    case .down(let connection, let frame):
      let node = nodes[connection.node]
      guard connection.isOpen, node.isUp else { return }
      guard now >= node.stalledUntil else { return network.queue.add(event, at: node.stalledUntil) }
      node.receive(frame, over: connection)
      advance(connection.node)
    case .subscription(let connection):
      if connection.isOpen, isUp(connection) { parameters.subscribed(connection) }
    case .connect(let node, let service): connect(node, service)
    case .wake(let node):
      guard now >= wakeAt[node] else { return }
      wakeAt[node] = .never
      guard nodes[node].isUp else { return }
      if now < nodes[node].stalledUntil { wake(node, at: nodes[node].stalledUntil) } else { advance(node) }
    case .restart(let node): restart(node)
    case .fault: fault()
    }
  }

  private func service(_ id: ServiceID) -> any Node { nodes[index(of: id)] }

  private func index(of id: ServiceID) -> Int {
    if case .replay(let shard) = id { replays[shard].index } else { parameters.index }
  }

  /// The incarnation of the service that the connection was made to still runs.
  private func isUp(_ connection: Connection) -> Bool {
    service(connection.service).isUp && connection.serviceIncarnation == incarnation(of: connection.service)
  }

  private func incarnation(of id: ServiceID) -> Int {
    if case .replay(let shard) = id { replays[shard].incarnation } else { parameters.incarnation }
  }

  private func advance(_ node: Int) {
    wake(node, at: nodes[node].advance())
    if plan.isOwn { checkHolders() }
    if parameters.isUp, parameters.crashesWhenPublishing,
      parameters.machine.authority.state.version > ledger.version
    {
      count("crash between save and publication")
      crash(parameters.index)
    }
  }

  /// Two learners may hold one shard for a short time only: until the former one asks again.
  private func checkHolders() {
    let awake = learners.filter { $0.isUp && now >= $0.stalledUntil }
    let holders = Dictionary(grouping: awake.compactMap(\.machine.sampler.heldShard)) { $0 }
    heldTwice = heldTwice.filter { holders[$0.key]?.count ?? 0 > 1 }
    for (shard, holders) in holders where holders.count > 1 {
      let since = heldTwice[shard] ?? now
      heldTwice[shard] = since
      if now > since + .seconds(3) {
        violation("\(holders.count) learners hold \(shard) since \((now - since).seconds) s")
      }
    }
  }

  private func wake(_ node: Int, at time: Instant) {
    guard time < wakeAt[node] else { return }
    wakeAt[node] = time
    // A machine whose deadline has passed wants to be called again at once: time must advance even
    // so.
    network.queue.add(.wake(node: node), at: max(time, now + .microseconds(100)))
  }

  private func connect(_ node: Int, _ id: ServiceID) {
    guard nodes[node].isUp else { return }
    if let open = connections[node][id.number], open.isOpen { return }
    guard service(id).isUp else {
      return network.queue.add(
        .connect(node: node, service: id), at: now + .milliseconds(Double(10 + generator.below(40))))
    }
    let learner = id == .parameters ? nodes[node] as? LearnerNode : nil
    connections[node][id.number] = network.connect(
      node: node, service: id, serviceIncarnation: incarnation(of: id), topic: learner?.id.description)
    wake(node, at: now)
  }
}

extension Cluster {
  /// Tells clients which shards there are; each closes its connections to the others.
  func list(_ shards: [Int]) {
    listed = shards
    for node in nodes.indices {
      (nodes[node] as? WriterNode)?.updateShards()
      (nodes[node] as? LearnerNode)?.updateShards()
      for connection in network.openConnections(of: node) {
        if case .replay(let shard) = connection.service, !shards.contains(shard) { close(connection) }
      }
    }
  }

  /// Kills a process: its memory, and the frames on their way to it, are lost.
  func crash(_ node: Int) {
    guard nodes[node].isUp else { return }
    nodes[node].crash()
    disconnect(node)
    network.queue.add(.restart(node: node), at: now + .milliseconds(Double(20 + generator.below(1200))))
  }

  func disconnect(_ node: Int) {
    let services = replays.indices.map(ServiceID.replay) + [.parameters]
    if let id = services.first(where: { index(of: $0) == node }) {
      for connection in network.openConnections(to: id) { close(connection) }
    }
    for connection in network.openConnections(of: node) { close(connection) }
  }

  private func close(_ connection: Connection) {
    network.close(connection)
    network.queue.add(
      .connect(node: connection.node, service: connection.service),
      at: now + .milliseconds(Double(5 + generator.below(60))))
  }

  private func restart(_ node: Int) {
    guard !nodes[node].isUp else { return }
    nodes[node].restart()
    for id in services(of: node) { connect(node, id) }
    wake(node, at: now)
  }
}
