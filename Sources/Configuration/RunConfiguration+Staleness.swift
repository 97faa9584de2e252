// Bounds on staleness, and what does not go together with them.

public import Experience

extension RunConfiguration {
  /// The bound on the staleness of what learners train on; nil without one.
  public var staleness: StalenessBound? { learnersTable?.staleness }

  /// Steps that one update consumes, of all learners.
  private var stepsPerUpdate: Int {
    guard let table = learnersTable else { return 0 }
    let sharing = aggregation.mode == .synchronous ? max(1, learner.replicas) : 1
    return algorithm.batch * table.period * sharing
  }

  var stalenessConflicts: [ConfigurationConflict] {
    tables.flatMap { table in
      table.staleness.map {
        stalenessConflicts(
          of: table, $0, prefix: replay.tables.isEmpty ? "replay." : "replay.tables.\(table.name).")
      } ?? []
    }
  }

  private func stalenessConflicts(
    of table: ReplayTableConfiguration, _ bound: StalenessBound, prefix: String
  ) -> [ConfigurationConflict] {
    var conflicts: [ConfigurationConflict] = []
    let key = prefix + "max_staleness"
    func refuse(_ keys: [String], expected: String, found: String, advice: String) {
      conflicts.append(
        ConfigurationConflict(keys: [key] + keys, expected: expected, found: found, advice: advice))
    }
    guard table.name == learner.table, table.isQueue, table.kind == .sequence else {
      refuse(
        [prefix + "sampler", prefix + "max_times_sampled", "learner.table"],
        expected:
          "null, as the table is not a queue of sequences (sampler fifo, max_times_sampled 1) that learners sample: what is "
          + "sampled several times is old on purpose, and its staleness is only measured",
        found: "\(bound.max)", advice: "remove it, or choose an algorithm over trajectories")
      return conflicts
    }
    if aggregation.kind == .averaging, learner.replicas > 1 {
      refuse(
        ["aggregation.kind", "learner.replicas"],
        expected:
          "null, as with averaging each of \(learner.replicas) learners makes updates of its own, which no version counts",
        found: "\(bound.max)", advice: "set aggregation.kind to gradients, or learner.replicas to 1")
    }
    if bound.max == 0, learner.replicas > 1, aggregation.kind == .gradients, !isOfAllLearners {
      refuse(
        ["aggregation.mode", "aggregation.quorum", "learner.replicas"],
        expected:
          "at least 1 with \(learner.replicas) learners whose updates are made one after the other: what one trains on is "
          + "old once another has made an update",
        found: "0", advice: "raise it, or set aggregation.mode to synchronous and aggregation.quorum to 100%")
    }
    if learner.batchesPerRequest > 1 {
      refuse(
        ["learner.batches_per_request"],
        expected:
          "null, as the batches of one request (\(learner.batchesPerRequest)) would grow old one after the other",
        found: "\(bound.max)", advice: "set learner.batches_per_request to 1")
    }
    if bound.keeping == .correct, algorithm.name != .actorCritic || !algorithm.vtrace.enabled {
      refuse(
        [prefix + "when_stale", "algorithm.name", "algorithm.vtrace.enabled"],
        expected:
          "null with when_stale correct and without V-trace: nothing corrects for what is older, and it is trained on",
        found: "\(bound.max)",
        advice: "set \(prefix)when_stale to pace or drop, or choose actor-critic with vtrace.enabled")
    }
    if bound.keeping == .pace { conflicts += paceConflicts(of: table, bound, key: key, prefix: prefix) }
    return conflicts
  }

  /// Whether each update consists of a gradient of every learner.
  private var isOfAllLearners: Bool {
    aggregation.mode == .synchronous && aggregation.quorum.members(of: learner.replicas) == learner.replicas
  }

  private func paceConflicts(
    of table: ReplayTableConfiguration, _ bound: StalenessBound, key: String, prefix: String
  ) -> [ConfigurationConflict] {
    var conflicts: [ConfigurationConflict] = []
    func refuse(_ keys: [String], expected: String, found: String, advice: String) {
      conflicts.append(
        ConfigurationConflict(keys: keys + [key], expected: expected, found: found, advice: advice))
    }
    if table.rateLimiter.samplesPerInsert != 0 {
      refuse(
        [prefix + "rate_limiter.samples_per_insert"],
        expected:
          "0 with when_stale pace: grants say how far actors may be ahead, and a limiter could block what they wait for",
        found: YAMLText.number(table.rateLimiter.samplesPerInsert), advice: "remove it")
    }
    if actor.whenBlocked == .dropOldest {
      refuse(
        ["actor.when_blocked"],
        expected: "block with when_stale pace: steps that are granted and dropped would be waited for",
        found: "drop_oldest", advice: "remove it")
    }
    if table.episodes != .cross || table.period != table.length - 1 || table.length < 3 {
      refuse(
        [prefix + "length", prefix + "period", prefix + "episodes"],
        expected:
          "at least 3, with episodes cross and a period of length - 1: items share one step, at which grants end",
        found: "length \(table.length), period \(table.period), episodes \(table.episodes.name)",
        advice: "remove them: they follow from algorithm.trajectory_steps")
    }
    if replay.storage == .file {
      refuse(
        ["replay.storage"], expected: "memory with when_stale pace: a queue of fresh steps is short",
        found: "file",
        advice: "remove it")
    }
    let window = Double(stepsPerUpdate) * Double(bound.max + 1)
    if Double(replay.capacity) < 2 * window {
      refuse(
        ["replay.capacity"],
        expected:
          "at least \(YAMLText.number(2 * window)), twice what may wait: (max_staleness + 1) × \(stepsPerUpdate) steps of an update",
        found: "\(replay.capacity)", advice: "raise it")
    }
    return conflicts
  }
}
