// The service that stores experience.

public import Experience

/// `replay`: what is stored, and how it is sampled.
public struct ReplayConfiguration: Hashable, Sendable {
  /// Which shards a learner samples from.
  public enum Binding: String, CaseIterable, Sendable {
    /// All shards.
    case shared
    /// One shard of its own, with its actors: one replay pool for each agent.
    case own
  }

  /// Where steps and tables are stored.
  public enum Storage: String, CaseIterable, Sendable {
    case memory, file
  }

  /// Shards at the start; 0: as many as the compose file says.
  public var replicas = 0
  /// Which shards a learner samples from.
  public var binding = Binding.shared
  /// Steps that the ring of one shard holds.
  public var capacity = 200_000
  /// Most items of the table; 0: only `capacity` limits them.
  public var maxItems = 0
  /// Draws the items of a batch.
  public var sampler = SelectorKind.Name.prioritized
  /// Picks the item that is removed once there are `maxItems`.
  public var remover = SelectorKind.Name.fifo
  /// α: P(i) ∝ pᵢ^α, or ∝ 1 / rank(i)^α.
  public var priorityExponent = 0.6
  /// β at the start: wᵢ = (N·P(i))^−β / max over the batch.
  public var importanceExponent = 0.4
  /// β at the end of the annealing.
  public var importanceExponentFinal = 1.0
  /// Updates over which β goes from its first to its final value.
  public var importanceAnnealUpdates = 20_000
  /// Items are removed after this many samples; 0: no limit.
  public var maxTimesSampled = 0
  /// η: the largest staleness of what is trained on, in updates; nil: no bound.
  public var maxStaleness: UInt64?
  /// What keeps that bound.
  public var whenStale = StalenessBound.Keeping.pace
  /// Raw priorities above it count as this; 0: no limit.
  public var priorityMax = 0.0
  /// The largest fraction of a full ring that one actor may hold; 1: no quota.
  public var actorQuota = 1.0
  /// Most bytes of messages that wait at the service for the rate limiter.
  public var waitingBytes = 256 << 20
  /// Keeps samples per insert within a range.
  public var rateLimiter = RateLimiterConfiguration()
  /// Where steps and tables are stored.
  public var storage = Storage.memory
  /// Whether draws follow from the seed alone, for tests and repeatable runs. A restarted replay,
  /// and each container of a service, then draws the same numbers again.
  public var repeatsDraws = false
  /// Whether a digest of everything that is inserted is kept, which `rookery inspect` prints.
  public var digest = false
  /// Largest snapshot in MB that a replay of `memory` storage writes at an orderly end; 0: none.
  public var snapshotAtEndMB = 500
  /// Memory in MB for the steps of `file` storage; 0: half of what is available at the start.
  public var memoryMB = 0
  /// Tables by name; none: the one that the algorithm needs, made of the keys above.
  public var tables: [ReplayTableConfiguration] = []

  public init() {}
}

/// `replay.rate_limiter`: keeps error = inserts·SPI − samples within SPI·minSize ± errorBuffer.
public struct RateLimiterConfiguration: Hashable, Sendable {
  /// SPI: samples per inserted item; 0: only `minSize` limits.
  public var samplesPerInsert = 8.0
  /// Items that must be there before the first sample.
  public var minSize = 1000
  /// Half the width of the range; 0: computed by `RunConfiguration.errorBuffer`.
  public var errorBuffer = 0.0

  public init() {}
}

extension ReplayConfiguration {
  /// Reads the section; `algorithm` and `learner` give the defaults of tables.
  mutating func read(
    _ reader: inout ConfigurationReader, algorithm: AlgorithmConfiguration, learner: LearnerConfiguration
  ) {
    if reader.choosesAlgorithm, algorithm.consumesItems {
      // A queue: each item once, in order, and inserts wait for samples.
      (sampler, maxTimesSampled) = (.fifo, 1)
      (rateLimiter.samplesPerInsert, rateLimiter.minSize) = (1, algorithm.batch)
    }
    reader.optionalInteger("max_staleness", &maxStaleness)
    reader.choice("when_stale", &whenStale)
    if reader.isSet("max_staleness"), maxStaleness != nil, whenStale == .pace {
      // Actors are paced instead.
      (rateLimiter.samplesPerInsert, rateLimiter.minSize) = (0, 1)
    }
    reader.integer("replicas", &replicas, 0...1000)
    reader.choice("binding", &binding)
    reader.integer("capacity", &capacity, 1...(1 << 40))
    reader.integer("max_items", &maxItems, 0...(1 << 40))
    reader.choice("sampler", &sampler)
    reader.choice("remover", &remover)
    reader.double("priority_exponent", &priorityExponent, .from(0, to: 10))
    reader.double("importance_exponent", &importanceExponent, .from(0, to: 1))
    reader.double("importance_exponent_final", &importanceExponentFinal, .from(0, to: 1))
    reader.integer("importance_anneal_updates", &importanceAnnealUpdates, 1...(1 << 40))
    reader.integer("max_times_sampled", &maxTimesSampled, 0...1_000_000_000)
    reader.double("priority_max", &priorityMax, .from(0, to: 1e30))
    reader.double("actor_share_max", &actorQuota, .above(0, upTo: 1))
    reader.integer("waiting_bytes", &waitingBytes, (1 << 20)...(1 << 40))
    reader.section("rate_limiter") { rateLimiter.read(&$0) }
    reader.choice("storage", &storage)
    reader.bool("repeats_draws", &repeatsDraws)
    reader.bool("digest", &digest)
    reader.integer("snapshot_at_end_mb", &snapshotAtEndMB, 0...(1 << 30))
    reader.integer("memory_mb", &memoryMB, 0...(1 << 30))
    readTables(&reader, algorithm: algorithm, learner: learner)
  }
}

extension RateLimiterConfiguration {
  mutating func read(_ reader: inout ConfigurationReader) {
    reader.double("samples_per_insert", &samplesPerInsert, .from(0, to: 1_000_000))
    reader.integer("min_size", &minSize, 1...(1 << 40))
    reader.double("error_buffer", &errorBuffer, .from(0, to: 1e15))
  }
}
