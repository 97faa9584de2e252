// The learner, without sockets or clock.

public import Algorithms
public import Experience
public import Foundations
public import Wire

/// Decides which batch is trained on, when the learner pushes, and what happens to values that are
/// not finite.
///
/// It trains on each batch that arrives, writes its priorities back, and requests another. Between
/// two updates it pushes its delta and adopts published weights. It sees frames, publications and
/// clock readings only, which its driver passes in.
public struct LearnerMachine {
  /// What a learner trains on, and how fast.
  public struct Configuration: Sendable {
    /// Rows of an update.
    public var batch: Int
    /// The columns that batches have, in order.
    public var fields: [Field]
    /// The most updates a second; 0: no limit.
    public var updatesPerSecondMax = 0.0
    /// See `Algorithm.milestoneEvery`.
    public var milestoneEvery: UInt64?
    public var importance = ImportanceWeights()
    /// The bound on the staleness of what is trained on; nil without one.
    public var staleness: StalenessBound?

    public init(batch: Int, fields: [Field]) {
      self.batch = batch
      self.fields = fields
    }
  }

  /// What the learner was started with.
  public let configuration: Configuration
  let rule: any LearningRule
  /// The learner's session with the replay.
  public internal(set) var sampler: ShardedSampler
  /// The learner's session with the parameter server.
  public internal(set) var member: MemberMachine
  var statistics: LearnerStatistics
  var faults: FaultyRows
  /// After a divergence: the weights that are trained on instead of the first published ones.
  var lastGoodWeights: [Float]?
  /// The answer that is being trained on, and how many of its batches are done.
  public internal(set) var current: SampledBatch?
  public internal(set) var trainedBatches = 0
  /// The next batch has been prepared while an answer is awaited.
  var isNextPrepared = false
  /// The update under way: its start, its rows and its outcome.
  var begun: (at: Instant, rows: Range<Int>, outcome: UpdateOutcome)?
  /// The version of the weights on which the update under way is made.
  var trainedVersion: UInt64 = 0
  var unpushed = UnpushedUpdates()
  /// Under a bound on staleness: the answer that was trained on and not given back yet, the last
  /// version that the shards were told, and when they are told again.
  var finished: SampledBatch?
  private var reported: UInt64?
  private var reportAgainAt = Instant.zero
  /// The clock of the newest published weights; schedules are functions of it.
  public private(set) var clock = RunClock()
  /// The version of the rule's milestone; without milestones, of the first weights.
  private var milestone: UInt64?
  /// Milestones up to this version are ignored: they come from a divergence.
  private var milestonesAfter: UInt64 = 0
  var nextUpdateAt = Instant.zero
  var local: [Float]
  /// The gradient that is being sent; empty if the learner sends deltas.
  var gradient: [Float]
  /// The updates of the base that the rule has been told of; nil before the first.
  private var followed: UInt64?
  var priorities: [Float]
  var importanceWeights: [Float]
  /// The largest of the batch's importance weights before they were divided by it, without N.
  var weightMax: Float = 1
  private var notices: [LearnerNotice] = []

  init(
    configuration: Configuration, rule: any LearningRule, sampler: ShardedSampler, member: MemberMachine,
    resumed: ResumedLearner
  ) {
    self.configuration = configuration
    self.rule = rule
    self.sampler = sampler
    self.member = member
    statistics = LearnerStatistics(metricCount: rule.metricNames.count)
    statistics.updates = resumed.updates
    faults = FaultyRows(resumed.leftOut)
    lastGoodWeights = resumed.lastGoodWeights
    if lastGoodWeights != nil { milestonesAfter = .max }
    local = Array(repeating: 0, count: rule.parameterCount)
    gradient = Array(repeating: 0, count: member.sharesGradients ? rule.parameterCount : 0)
    priorities = Array(repeating: 0, count: sampler.configuration.sampler.items)
    importanceWeights = Array(repeating: 1, count: configuration.batch)
  }

  /// A learner that resumes nothing.
  public init(
    configuration: Configuration, rule: any LearningRule, sampler: ShardedSampler, member: MemberMachine
  ) {
    self.init(
      configuration: configuration, rule: rule, sampler: sampler, member: member, resumed: ResumedLearner())
  }

  /// The service that refuses this learner for good, and why; nil if none does.
  public var refusal: (service: ServiceKind, refusal: Refusal)? {
    if let refusal = sampler.refusal { return (.replay, refusal) }
    return member.refusal.map { (.parameters, $0) }
  }

  /// Notices for the log since the last call.
  mutating func takeNotices() -> [LearnerNotice] {
    if let notice = member.takeNotice() { say(.warning, notice) }
    notices += sampler.search?.takeNotices() ?? []
    defer { notices.removeAll() }
    return notices
  }

  mutating func say(_ level: LearnerNotice.Level, _ text: String) {
    notices.append(LearnerNotice(level: level, text: text))
  }
}

/// A line for the learner's log.
struct LearnerNotice: Hashable {
  enum Level { case info, warning, error }

  var level: Level
  var text: String
}

extension LearnerMachine {
  /// Sets the shards that there are now.
  public mutating func setShards(_ shards: [PeerID], now: Instant, replay: some FrameSink) {
    sampler.setShards(shards, now: now, sink: replay)
  }

  /// Receives a frame of a shard.
  public mutating func receive(
    _ frame: UnsafeRawBufferPointer, from shard: PeerID, now: Instant, replay: some FrameSink
  ) {
    sampler.receive(frame, from: shard, now: now, sink: replay)
  }

  /// Receives a frame of the parameter server.
  public mutating func receive(
    _ frame: UnsafeRawBufferPointer, now: Instant, parameters: some FrameSink
  ) {
    guard let updated = member.receive(frame, now: now, sink: parameters) else { return }
    local.withUnsafeMutableBytes { $0.copyMemory(from: updated.values) }
    importLocal()
    clock = RunClock(updates: updated.clock, envSteps: Double(updated.envSteps))
    rule.clock = clock
  }

  /// Does what is due by time. Call it at `nextDeadline` or earlier.
  public mutating func advance(to now: Instant, replay: some FrameSink, parameters: some FrameSink) {
    if let index = member.index { sampler.beginSearch(at: index, now: now) }
    sampler.advance(to: now, sink: replay)
    member.advance(to: now, sink: parameters)
    push(now: now, parameters: parameters)
    reportProgress(now: now, replay: replay)
  }

  /// Under a bound on staleness: the weights hold all updates of this learner, and no other batch
  /// is trained on before they do.
  private var isSettled: Bool { member.isSettled && unpushed.count == 0 }

  /// No batch is being trained on.
  private var mayReport: Bool { configuration.staleness != nil && isSettled && current == nil }

  /// Tells the shards which weights the next batch is trained on, and only then gives the last one
  /// back.
  private mutating func reportProgress(now: Instant, replay: some FrameSink) {
    guard mayReport else { return }
    let isNew = reported != member.version || finished != nil
    guard isNew || now >= reportAgainAt else { return }
    reported = member.version
    reportAgainAt = now + Self.reportEvery
    sampler.report(version: member.version, trained: statistics.trainedStaleness.summary, sink: replay)
    guard let finished else { return }
    self.finished = nil
    sampler.release(finished, now: now, sink: replay)
  }

  /// A shard takes a learner that reports nothing for gone after four of these.
  private static let reportEvery = Instant.Span.milliseconds(500)

  /// When `advance` is due at the latest.
  public func nextDeadline(now: Instant) -> Instant {
    var deadline = min(sampler.nextDeadline(now: now), member.nextDeadline(now: now))
    if mayReport { deadline = min(deadline, max(now, reportAgainAt)) }
    return nextUpdateAt > now ? min(deadline, nextUpdateAt) : deadline
  }

  /// Pushes the last delta, and says GOODBYE.
  public mutating func leave(now: Instant, replay: some FrameSink, parameters: some FrameSink) {
    sampler.leave(sink: replay)
    push(now: now, parameters: parameters)
    member.leave(sink: parameters)
  }

  private mutating func push(now: Instant, parameters: some FrameSink) {
    // Restored weights are pushed although nothing was trained.
    if member.isRestoring, member.sharesGradients, unpushed.count == 0 { unpushed.add(rows: 1, at: now) }
    guard member.canPush, unpushed.count > 0, !statistics.hasDiverged else { return }
    if let every = configuration.milestoneEvery, unpushed.count > every, !statistics.isTargetEarly {
      statistics.isTargetEarly = true
      say(
        .warning,
        "algorithm.target.every_updates: expected at least the updates of a publication, found \(every) where one held "
          + "\(unpushed.count): the target network follows each publication; raise it, or lower aggregation.publish_interval_ms"
      )
    }
    local.withUnsafeMutableBufferPointer { [rule] in rule.exportParameters(to: $0) }
    local.withUnsafeBufferPointer {
      member.push(
        local: $0, updates: unpushed.count, transitions: unpushed.transitions,
        oldestUpdate: unpushed.oldest, newestUpdate: unpushed.newest, now: now, sink: parameters)
    }
    unpushed = UnpushedUpdates()
  }
}

extension LearnerMachine {
  /// Adopts published weights.
  public mutating func adopt(_ weights: Weights) {
    // A copy outside `self`, because `member` is modified too.
    var local = self.local
    self.local = []
    let isRebased = local.withUnsafeMutableBufferPointer { local in
      rule.exportParameters(to: local)
      return member.rebase(on: weights, local: local)
    }
    self.local = local
    guard isRebased else { return }
    clock = RunClock(updates: weights.clock, envSteps: Double(weights.envSteps))
    rule.clock = clock
    if let lastGoodWeights {
      // The published weights may have diverged with the learner. The last good ones are pushed
      // like any delta.
      self.local = lastGoodWeights
      self.lastGoodWeights = nil
      member.beginRestoring()
    }
    importLocal()
    if configuration.milestoneEvery == nil, milestone == nil {
      // The rule copies no targets later: a new one begins with the first weights.
      milestone = weights.version
      if statistics.updates == 0 { self.local.withUnsafeBufferPointer { rule.adoptMilestone($0) } }
    }
    if milestonesAfter == .max, !member.isRestoring { milestonesAfter = weights.version }
    if weights.isMilestone { adoptMilestone(weights) }
  }

  /// Gives the rule the local weights, and with shared gradients tells it how many updates they
  /// have been through in other processes.
  private mutating func importLocal() {
    local.withUnsafeBufferPointer { rule.importParameters(from: $0) }
    guard member.sharesGradients else { return }
    if let followed, member.baseUpdates > followed {
      rule.followParameters(updates: member.baseUpdates - followed)
    }
    followed = member.baseUpdates
  }

  /// Adopts a milestone's weights. They come with a publication; a learner that missed it or came
  /// later gets them on their own.
  public mutating func adoptMilestone(_ weights: Weights) {
    guard configuration.milestoneEvery != nil, weights.manifest == member.configuration.manifest,
      weights.version != milestone, weights.version > milestonesAfter
    else { return }
    milestone = weights.version
    withUnsafeTemporaryAllocation(of: Float.self, capacity: rule.parameterCount) { values in
      UnsafeMutableRawBufferPointer(values).copyMemory(from: weights.values)
      rule.adoptMilestone(UnsafeBufferPointer(values))
    }
    statistics.milestones += 1
  }

  /// Weights, and a milestone if the rule needs one, are known, and training has not diverged.
  var isReady: Bool {
    member.canTrain && !statistics.hasDiverged
      && (configuration.staleness == nil || isSettled && finished == nil)
      && (configuration.milestoneEvery == nil || milestone != nil || milestonesAfter > 0)
  }
}

/// Updates since the last delta.
struct UnpushedUpdates {
  var count: UInt64 = 0
  /// The rows that they were trained on; rows left out do not count.
  var transitions: UInt64 = 0
  /// When the first and the last of them were made, in nanoseconds.
  var oldest: Int64 = 0
  var newest: Int64 = 0

  mutating func add(rows: Int, at now: Instant) {
    count += 1
    transitions += UInt64(rows)
    if oldest == 0 { oldest = now.nanoseconds }
    newest = now.nanoseconds
  }
}
