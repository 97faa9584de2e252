// How learners use several shards.

public import Configuration
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

  /// The table of which a shard takes one learner at a time; nil if learners share all shards.
  var exclusiveTable: String? {
    switch replay.binding {
    case .shared: nil
    case .own: table.name
    }
  }

  /// The number that decides a writer's shard, if each learner has one of its own; nil if learners
  /// share all shards. In containers processes do not know their number: their random id makes
  /// one.
  func place(ofWriter number: Int?, id: Identifier) -> Int? {
    exclusiveTable == nil ? nil : number ?? Int(id.low >> 32)
  }

  /// What a user should know of the numbers of processes before the run starts.
  /// - Parameter shards: shards at the start.
  public func bindingNotes(shards: Int) -> [String] {
    guard exclusiveTable != nil else { return [] }
    var notes: [String] = []
    if learner.replicas > shards {
      notes.append(
        "learner.replicas: expected at most \(shards), a shard for each (replay.replicas, replay.binding own), found "
          + "\(learner.replicas): \(learner.replicas - shards) of them will wait; raise replay.replicas, or scale replay"
      )
    }
    if actor.replicas < min(shards, learner.replicas), player.recording.isEmpty {
      notes.append(
        "actor.replicas: expected at least \(min(shards, learner.replicas)), one for each learner's shard (replay.binding "
          + "own), found \(actor.replicas): a shard without actors gets no experience; raise it, or scale actor"
      )
    }
    return notes
  }

  /// Whether that table removes items after a number of samples.
  var isConsumed: Bool { (learnersTable?.maxTimesSampled ?? replay.maxTimesSampled) > 0 }
}
