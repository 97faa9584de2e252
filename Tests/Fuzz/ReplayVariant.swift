// The replays that are fuzzed.

import Experience
import Foundations
import ReplayStore
import Services

/// So small that everything fills up, wraps and evicts within a few messages.
enum ReplayVariant: CaseIterable {
  case transitions, sequences, records, stacked, queue, limited, several

  var schema: StepSchema {
    switch self {
    case .transitions, .limited, .queue, .several: .discrete(observation: [2])
    case .stacked: .discrete(observation: [2, 2], dtype: .uint8, stack: 3)
    // A field with an arena of its own, and widths that are copied by other loops.
    case .sequences: StepSchema(fields: [Field("small", .float64), Field("large", .uint8, shape: [600])])
    case .records:
      StepSchema(fields: [
        Field("x", .float32, shape: [5]), Field("y", .int64, shape: [2]), Field("z", .uint8, shape: [3]),
      ])
    }
  }

  static let capacity = 24

  func store(_ storage: StorageKind = .memory) -> ReplayStoreConfiguration {
    ReplayStoreConfiguration(
      capacity: Self.capacity, tables: tables, streamsMax: 6, storage: storage,
      writerQuota: self == .several ? 0.4 : 1)
  }

  func machine(_ storage: StorageKind = .memory) -> ReplayMachine.Configuration {
    var configuration = ReplayMachine.Configuration(store: store(storage))
    configuration.credit = 3
    configuration.partBytes = 256
    configuration.peersMax = 3
    configuration.waitingBytesMax = 2048
    configuration.memoryMax = 64 << 20
    configuration.diskMax = 64 << 20
    if self == .limited { configuration.exclusiveTable = "a" }
    return configuration
  }

  private var tables: [TableConfiguration] {
    switch self {
    case .transitions: [table("a", .transition(nStep: 2, discount: 0.5), .prioritized(exponent: 0.6))]
    case .sequences:
      [
        table(
          "a", .sequence(length: 4, period: 3, episodes: .cross), .rank(exponent: 0.7), remover: .minHeap,
          itemsMax: 5),
        table("b", .sequence(length: 3, period: 2, episodes: .pad), .uniform, remover: .lifo, itemsMax: 4),
      ]
    case .records:
      [table("a", .record, .prioritized(exponent: 1), remover: .maxHeap, itemsMax: 6, priorityLimit: 4)]
    case .stacked:
      [
        table("a", .transition(nStep: 1, discount: 1), .maxHeap),
        table("b", .sequence(length: 3, period: 1, episodes: .pad), .lifo),
      ]
    case .queue: [table("a", .record, .fifo, timesSampledMax: 1)]
    case .limited:
      [
        table(
          "a", .transition(nStep: 1, discount: 0.9), .prioritized(exponent: 2), timesSampledMax: 3,
          limiter: .ratio(samplesPerInsert: 2, minSize: 3, tolerance: 8))
      ]
    case .several:
      [
        table("a", .transition(nStep: 3, discount: 0.9), .rank(exponent: 1), remover: .uniform, itemsMax: 8),
        table("b", .sequence(length: 5, period: 2, episodes: .cross), .minHeap),
        table(
          "c", .record, .uniform, timesSampledMax: 2,
          limiter: .ratio(samplesPerInsert: 1, minSize: 2, tolerance: 9)),
      ]
    }
  }

  private func table(
    _ name: String, _ kind: TableKind, _ sampler: SelectorKind, remover: SelectorKind = .fifo,
    itemsMax: Int? = nil,
    timesSampledMax: Int = 0, limiter: RateLimiterConfiguration = .unlimited(), priorityLimit: Float = 1000
  ) -> TableConfiguration {
    TableConfiguration(
      schema: TableSchema(name: name, kind: kind), sampler: sampler, remover: remover, itemsMax: itemsMax,
      timesSampledMax: timesSampledMax, limiter: limiter, batchSizeMax: 4, itemsPerMessageMax: 4,
      priorityLimit: priorityLimit)
  }
}
