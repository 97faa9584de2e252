// Batches that cannot be trained on.

internal import Algorithms

extension LearnerMachine {
  /// Skips a batch of rows that are all known to be at fault: it says nothing of the weights.
  /// Priority 0 keeps them from being drawn again, as they may be all that the table draws.
  mutating func skip(_ rows: Range<Int>) {
    if statistics.batchesSkipped == 0 {
      say(.warning, "all rows of a batch are known to be at fault, and left out; later ones are only counted")
    }
    statistics.batchesSkipped += 1
    rule.forgetPrepared()
    for row in rows { priorities[row] = 0 }
  }

  /// Leaves out a batch with values that no environment of this run can have produced. Every client
  /// of the replay can insert them: they must not end the learner at each start.
  mutating func refuse(_ rows: Range<Int>, _ error: BatchError) {
    if statistics.batchesRefused == 0 {
      say(.warning, "a batch is left out, \(error); later ones are only counted")
    }
    statistics.batchesRefused += 1
    for row in rows { priorities[row] = 0 }
  }

  /// Leaves out the rows at fault of a batch whose loss or gradient was not finite. The batch has
  /// changed nothing, and its other rows keep their priorities.
  mutating func leaveOut(_ sampled: SampledBatch, _ rows: Range<Int>) throws(BatchError) -> UpdateOutcome {
    try withBatch(sampled, rows) { [rule] batch, priorities throws(BatchError) in
      try rule.markRowsAtFault(batch, priorities: priorities)
    }
    let atFault = rows.filter { !priorities[$0].isFinite }
    // NaN leaves a priority as it is.
    for row in rows { priorities[row] = .nan }
    if statistics.batchesNotFinite == 0 {
      say(
        .warning,
        "the loss or gradient of a batch is infinite or NaN: it changes nothing, and \(atFault.count) of its \(rows.count) "
          + "rows are left out from now on; later ones are only counted")
    }
    statistics.batchesNotFinite += 1
    switch faults.insert(atFault, of: sampled) {
    case .goOn: return .leftOut
    case .diverged(let divergence):
      diverge(divergence)
      return .diverged
    }
  }

  /// Stops training for good. No checkpoint is saved any more: the last one is good.
  private mutating func diverge(_ divergence: BatchJudge.Divergence) {
    statistics.hasDiverged = true
    faults.recordDivergence()
    say(
      .error,
      "\(divergence) after \(statistics.updates) updates: training stopped and the last good checkpoint is kept; a smaller "
        + "algorithm.learning_rate may help")
  }
}
