// What several shards mean to a run.

internal import Configuration
internal import Experience

extension RunConfiguration {
  /// How learners split batches over the shards of the table that they sample from.
  var shardSplit: ShardSplit {
    switch learnersTable?.sampler ?? replay.sampler {
    case .prioritized, .uniform: .mass
    case .rank: .items
    case .fifo, .lifo, .minHeap, .maxHeap: .turns
    }
  }

  /// Whether that table's items are gone after some samples.
  var isConsumed: Bool { (learnersTable?.maxTimesSampled ?? replay.maxTimesSampled) > 0 }
}
