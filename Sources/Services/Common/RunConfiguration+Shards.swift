// What several shards mean to a run.

internal import Configuration

extension RunConfiguration {
  /// How learners split batches over the shards of the table that they sample from.
  var shardSplit: ShardSplit {
    switch learnersTable?.sampler ?? replay.sampler {
    case .prioritized, .uniform: .mass
    case .fifo: .turns
    }
  }

  /// Whether that table's items are gone after some samples.
  var isConsumed: Bool { (learnersTable?.maxTimesSampled ?? replay.maxTimesSampled) > 0 }
}
