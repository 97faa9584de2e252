// The service that keeps experience.

public import Experience

/// `replay`: what is kept, and how it is drawn.
public struct ReplayConfiguration: Hashable, Sendable {
  public enum Binding: String, CaseIterable, Sendable {
    /// A learner samples from all shards.
    case shared
    /// Learner i reads shard i only. Refused until there are learners that do.
    case own
  }

  public enum Storage: String, CaseIterable, Sendable {
    case memory, file
  }

  public var binding = Binding.shared
  /// Steps that the ring holds.
  public var capacity = 200_000
  /// Most items of the table; 0 leaves only `capacity` to bound them.
  public var maxItems = 0
  public var sampler = SelectorKind.Name.prioritized
  /// Chooses what goes when there are `maxItems`.
  public var remover = SelectorKind.Name.fifo
  /// α: P(i) ∝ pᵢ^α, or 1 / rank(i)^α.
  public var priorityExponent = 0.6
  /// β at the start: wᵢ = (N·P(i))^−β / max over the batch.
  public var importanceExponent = 0.4
  /// β at the end of the annealing.
  public var importanceExponentFinal = 1.0
  /// Updates over which β goes from its first to its final value.
  public var importanceAnnealUpdates = 20_000
  /// How often an item may be sampled before it is removed; 0 sets no limit.
  public var maxTimesSampled = 0
  /// Raw priorities above it count as this; 0 leaves them as they are.
  public var priorityMax = 0.0
  /// The part of `capacity` that one actor may own where others would lose steps to it; 1 for no quota.
  public var actorQuota = 1.0
  /// Bytes of messages that may wait for the limiter at the service.
  public var waitingBytes = 256 << 20
  public var rateLimiter = RateLimiterConfiguration()
  public var storage = Storage.memory
  /// Draws follow from the seed alone, for tests and for runs that repeat: a restarted replay, and
  /// each container of one, draws the same numbers again.
  public var repeatsDraws = false
  /// MB of a snapshot that a replay of `memory` storage leaves at an orderly end at most, for its next start; 0 leaves none.
  public var snapshotAtEndMB = 500
  /// MB of memory that the steps of `file` storage may count on; 0 takes half of what the machine has available at the start.
  public var memoryMB = 0
  /// Tables by themselves; none: the one that the algorithm needs, made of the keys above.
  public var tables: [ReplayTableConfiguration] = []

  public init() {}
}

/// `replay.rate_limiter`: error = inserts·SPI − samples stays within SPI·minSize ± errorBuffer.
public struct RateLimiterConfiguration: Hashable, Sendable {
  /// SPI: samples drawn for each item inserted; 0 limits by `minSize` only.
  public var samplesPerInsert = 8.0
  /// Items before the first sample.
  public var minSize = 1000
  /// Half range either side; 0 takes `RunConfiguration.errorBuffer`.
  public var errorBuffer = 0.0

  public init() {}
}

extension ReplayConfiguration {
  /// - Parameters: what tables are unless they say more.
  mutating func read(
    _ reader: inout ConfigurationReader, algorithm: AlgorithmConfiguration, learner: LearnerConfiguration
  ) {
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
