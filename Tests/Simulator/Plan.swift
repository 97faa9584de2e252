// What a seed draws for a simulated run.

internal import Algorithms
internal import Configuration
internal import Experience
internal import Foundations
internal import Numerics
internal import ReplayStore
internal import Services

/// Sizes, configuration and fault rates of one run, all drawn from the seed.
struct Plan {
  /// Each learner has a shard of its own.
  var isOwn: Bool
  var shards: Int
  var writers: Int
  var streams: Int
  var learners: Int
  var capacity: Int
  var nStep: Int
  var discount: Float
  var batch: Int
  var batchesPerRequest: Int
  /// Rows of one answer.
  var rows: Int { batch * batchesPerRequest }
  var sampler: SelectorKind
  /// Samples for each insert; nil for no ratio.
  var samplesPerInsert: Double?
  var minSize: Int
  var credit: Int
  var writerInFlight: Int
  var samplesInFlight: Int
  var partBytes: Int
  var mode: AggregationConfiguration.Mode
  /// Frames of a connection arrive in the order in which they were sent.
  var isOrdered: Bool
  var loss: Double
  var duplication: Double
  var slowness: Double
  var queueFull: Double
  /// Mean time between crashes, partitions, stalls and reconnections.
  var faultEvery: Instant.Span

  /// Updates between milestones.
  var milestoneEvery: UInt64
  /// The server's step along a round's merged delta.
  var outer = OuterConfiguration()
  /// The bound on staleness, which actors are paced for, and the items' period; nil without one.
  var pace: (bound: StalenessBound, period: Int)?
  /// The writers' times between steps, as multiples of the usual.
  var writerDelays: [Double] = []
  /// How gradients are shared; nil for averaging.
  var gradients: GradientsConfiguration?

  static let itemsPerMessageMax = 48
  static let rowsPerChunkMax = 8
  static let parameters = 3

  init(seed: UInt64, isOwn: Bool, isPaced: Bool, unequal: StalenessBound.Keeping?) {
    var draw = SeededGenerator(seed: seed, part: "plan")
    self.isOwn = isOwn
    shards = 1 + draw.below(2) * draw.below(ServiceID.shardsMax)
    writers = 1 + draw.below(3)
    streams = 1 + draw.below(4)
    learners = 1 + draw.below(3)
    capacity = 150 + draw.below(600)
    nStep = 1 + draw.below(4)
    discount = [0.5, 0.75, 0.99, 1][draw.below(4)]
    sampler = [.uniform, .prioritized(exponent: 0.6), .fifo][draw.below(3)]
    samplesPerInsert = draw.below(2) == 0 ? nil : [0.5, 1, 3][draw.below(3)]
    // Learners must keep up with what writers can send.
    batch = 3 + draw.below(8) + Int(4 * (samplesPerInsert ?? 0))
    batchesPerRequest = 1 + draw.below(3)
    minSize = 4 + draw.below(20)
    credit = 1 + draw.below(8)
    writerInFlight = 1 + draw.below(8)
    samplesInFlight = 1 + draw.below(4)
    partBytes = draw.below(2) == 0 ? 1 << 20 : 200
    mode = draw.below(4) == 0 ? .asynchronous : .rounds
    isOrdered = draw.below(3) == 0
    milestoneEvery = 1 + seed % 7
    if mode == .rounds, seed % 3 == 0 { (outer.learningRate, outer.momentum) = (0.75, 0.5) }
    if seed % 4 == 3 { gradients = Self.gradients(seed: seed) }
    let isHarsh = draw.below(4) != 0
    loss = isHarsh ? 0.2 * draw.uniform() : 0
    duplication = isHarsh ? 0.15 * draw.uniform() : 0
    slowness = isHarsh ? 0.2 * draw.uniform() : 0
    queueFull = isHarsh ? 0.1 * draw.uniform() : 0
    faultEvery = .milliseconds(Double(150 + draw.below(1500)))
    if isPaced || unequal != nil { pace(&draw) }
    if let unequal { makeUnequal(unequal) }
    guard isOwn else { return }
    shards = 1 + draw.below(ServiceID.shardsMax)
    learners = 1 + draw.below(ServiceID.shardsMax)
    // A shard without a writer has nothing for its learner.
    writers = min(shards, learners) + draw.below(3)
  }

  /// A short queue of sequences: each is trained on once, soon after it was made.
  private mutating func pace(_ draw: inout SeededGenerator) {
    shards = 1 + draw.below(4) / 3
    learners = 1 + draw.below(3) / 2
    let isSynchronous = draw.below(2) == 0
    gradients = GradientsConfiguration(
      mode: isSynchronous ? .synchronous(.share(1)) : .asynchronous, maxStaleness: 64,
      late: isSynchronous ? .carry : .wait, descent: GradientDescent(.sgd(SGD()), learningRate: 1))
    if learners == 1, draw.below(3) == 0 { gradients = nil }
    (mode, outer) = (.rounds, OuterConfiguration())
    let bound = UInt64(draw.below(3)) + (learners > 1 && !isSynchronous ? 1 : 0)
    pace = (StalenessBound(max: bound), 2 + draw.below(4))
    (sampler, samplesPerInsert, minSize, capacity) = (.fifo, nil, 1, 5000)
    (batch, batchesPerRequest, samplesInFlight) = (1 + draw.below(6), 1, 1)
    credit = max(credit, 4)
  }

  /// One writer acts ten times as fast as the other, and one learner trains on what they make.
  private mutating func makeUnequal(_ keeping: StalenessBound.Keeping) {
    (shards, writers, streams, learners) = (1, 2, 2, 1)
    (gradients, batch) = (nil, 2)
    pace = (StalenessBound(max: 2, keeping: keeping), 4)
    writerDelays = [1, 10]
  }

  /// Whether actors' whole items always fit between what is under way: then nothing gets too old.
  var fitsExactly: Bool {
    guard let pace, shards == 1, learners == 1 || isSynchronous else { return false }
    let update = batch * (isSynchronous ? learners : 1)
    return pace.bound.max == 0 ? update % streams == 0 : update * Int(pace.bound.max) + 1 >= streams
  }

  /// An update is of the gradients of all learners.
  var isSynchronous: Bool {
    if case .synchronous = gradients?.mode { true } else { false }
  }

  var pacing: PacingConfiguration? {
    pace.flatMap {
      guard $0.bound.keeping == .pace else { return nil }
      return PacingConfiguration(
        table: 0, staleness: $0.bound.max, period: $0.period, batch: batch, isSynchronous: isSynchronous)
    }
  }

  /// Gradient descent with a step size of 1.
  private static func gradients(seed: UInt64) -> GradientsConfiguration {
    var draw = SeededGenerator(seed: seed, part: "gradients")
    let quorums: [Quorum] = [.share(1), .share(0.5), .count(2), .count(1)]
    let isSynchronous = draw.below(2) == 0
    return GradientsConfiguration(
      mode: isSynchronous ? .synchronous(quorums[draw.below(4)]) : .asynchronous,
      maxStaleness: [2, 5, 64][draw.below(3)],
      late: draw.below(3) == 0 ? .drop : isSynchronous ? .carry : .wait,
      descent: GradientDescent(.sgd(SGD()), learningRate: 1))
  }

  var aggregation: Aggregation {
    gradients.map { .gradients($0) } ?? .averaging(mode, outer: outer)
  }

  /// Rows of an update of a learner: they differ between learners.
  func batch(ofLearner index: Int) -> Int { pace == nil ? max(1, batch - index % 3) : batch }

  var table: TableSchema {
    TableSchema(
      name: "experience",
      kind: pace.map { .sequence(length: $0.period + 1, period: $0.period, episodes: .cross) }
        ?? .transition(nStep: nStep, discount: discount))
  }

  var store: ReplayStoreConfiguration {
    var configuration = TableConfiguration(
      schema: table, sampler: sampler, limiter: .unlimited(minSize: minSize), batchSizeMax: rows,
      itemsPerMessageMax: Self.itemsPerMessageMax)
    if let pace { (configuration.timesSampledMax, configuration.staleness) = (1, pace.bound) }
    if let samplesPerInsert {
      let width = samplesPerInsert * Double(Self.itemsPerMessageMax) + Double(rows)
      configuration.limiter = .ratio(
        samplesPerInsert: samplesPerInsert, minSize: minSize, tolerance: width)
    }
    return ReplayStoreConfiguration(capacity: capacity, tables: [configuration])
  }
}
