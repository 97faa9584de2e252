// How learners use several shards.

internal import Configuration
internal import Experience

extension RunConfiguration {
  /// How learners split batches over the shards of the table that they sample.
  var shardSplit: ShardSplit {
    switch learnersTable?.sampler ?? replay.sampler {
    case .prioritized, .uniform: .mass
    case .rank: .items
    case .fifo, .lifo, .minHeap, .maxHeap: .turns
    }
  }

  /// Whether that table removes items after a number of samples.
  var isConsumed: Bool { (learnersTable?.maxTimesSampled ?? replay.maxTimesSampled) > 0 }
}
