// Values that are valid alone and impossible together.

/// Values that cannot work together, reported at one of their keys.
public struct ConfigurationConflict: Hashable, Sendable {
  /// The keys of these values; the first is the one to change.
  public var keys: [String]
  /// What would be valid, as words that follow "expected".
  public var expected: String
  /// The value in place of it, as words that follow "found".
  public var found: String
  /// What to do.
  public var advice: String
}

extension RunConfiguration {
  /// Every combination of values that cannot work; empty for a usable configuration.
  public var conflicts: [ConfigurationConflict] {
    // With `replay.tables`, the keys of `replay` are only the tables' defaults.
    let own = replay.tables.isEmpty ? sizeConflicts + limiterConflicts : []
    return own + aggregationConflicts + messageConflicts + tableConflicts + selectorConflicts
      + stalenessConflicts + evaluatorConflicts + environment.conflicts
  }

  private var sizeConflicts: [ConfigurationConflict] {
    var conflicts: [ConfigurationConflict] = []
    let minSize = replay.rateLimiter.minSize
    func require(
      _ value: Int, _ keys: [String], atLeast bound: Int, _ reason: String, advice: String
    ) {
      guard value < bound else { return }
      conflicts.append(
        ConfigurationConflict(
          keys: keys, expected: "at least \(bound): \(reason)", found: "\(value)", advice: advice))
    }
    let (capacityKey, minSizeKey) = ("replay.capacity", "replay.rate_limiter.min_size")
    require(
      replay.capacity, [capacityKey, "algorithm.batch"], atLeast: algorithm.batch,
      "a batch (algorithm.batch) must fit", advice: "raise it, or lower algorithm.batch")
    require(
      replay.capacity, [capacityKey, minSizeKey], atLeast: minSize.addingSaturating(minSize),
      "twice \(minSizeKey), as up to half of the steps start no item (an episode's last observation does not), "
        + "and with fewer items than the minimum nothing is ever sampled",
      advice: "raise it, or lower \(minSizeKey)")
    // A queue serves a batch only once it has all its items.
    if tables.first?.isQueue == false {
      require(
        minSize, [minSizeKey, "algorithm.batch"], atLeast: algorithm.batch,
        "a batch (algorithm.batch) is drawn from it", advice: "raise it, or lower algorithm.batch")
    }
    if replay.maxItems > 0 {
      require(
        replay.maxItems, ["replay.max_items", minSizeKey], atLeast: minSize,
        "with fewer items than \(minSizeKey) nothing is ever sampled",
        advice: "raise it, or lower \(minSizeKey), or 0 for no limit")
    }
    return conflicts
  }

  private var messageConflicts: [ConfigurationConflict] {
    guard replay.capacity < actor.messageSteps else { return [] }
    return [
      ConfigurationConflict(
        keys: ["replay.capacity", "actor.message_steps"],
        expected: "at least \(actor.messageSteps): a message (actor.message_steps) is kept whole",
        found: "\(replay.capacity)", advice: "raise it, or lower actor.message_steps")
    ]
  }

  private var limiterConflicts: [ConfigurationConflict] {
    let limiter = replay.rateLimiter
    guard limiter.samplesPerInsert > 0 else { return [] }
    var conflicts: [ConfigurationConflict] = []
    if limiter.errorBuffer > 0, limiter.errorBuffer < errorBufferMin {
      conflicts.append(
        ConfigurationConflict(
          keys: [
            "replay.rate_limiter.error_buffer", "replay.rate_limiter.samples_per_insert",
            "actor.message_steps", "algorithm.batch", "learner.batches_per_request", "actor.environments",
            "algorithm.n_step",
          ],
          expected:
            "at least \(YAMLText.number(errorBufferMin)) = max(algorithm.batch × learner.batches_per_request, "
            + "samples_per_insert × items a message), as a narrower range deadlocks: a whole message (up to \(itemsPerMessage) items = actor.message_steps + "
            + "actor.environments × algorithm.n_step) and a whole request for batches could block each other for ever",
          found: YAMLText.number(limiter.errorBuffer),
          advice: "raise it, or 0 to have it computed, or lower actor.message_steps"))
    }
    if replay.maxTimesSampled > 0, Double(replay.maxTimesSampled) < limiter.samplesPerInsert {
      conflicts.append(
        ConfigurationConflict(
          keys: ["replay.max_times_sampled", "replay.rate_limiter.samples_per_insert"],
          expected:
            "at least replay.rate_limiter.samples_per_insert (\(YAMLText.number(limiter.samplesPerInsert))), as the "
            + "limiter deadlocks if items are removed before they are sampled that many times",
          found: "\(replay.maxTimesSampled)", advice: "raise it, or lower samples_per_insert"))
    }
    return conflicts
  }

  private var evaluatorConflicts: [ConfigurationConflict] {
    guard let confirm = evaluator.confirmThreshold, evaluator.threshold == nil else { return [] }
    return [
      ConfigurationConflict(
        keys: ["evaluator.confirm_threshold"],
        expected: "evaluator.threshold to be set too, as only an evaluation that reaches it is confirmed",
        found: "only \(YAMLText.number(confirm)) here", advice: "set evaluator.threshold, or remove it")
    ]
  }
}
