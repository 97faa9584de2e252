// What becomes of batches that cannot be trained on.

internal import Algorithms

extension LearnerMachine {
  /// A batch of nothing but rows known to be at fault says nothing of the weights. Priority 0 keeps
  /// them from being drawn again: they may be all that the table draws.
  mutating func passOver(_ rows: Range<Int>) {
    if statistics.batchesPassedOver == 0 {
      say(.warning, "all rows of a batch are known to be at fault, and left out; later ones are only counted")
    }
    statistics.batchesPassedOver += 1
    for row in rows { priorities[row] = 0 }
  }

  /// Leaves out a batch that holds what no environment of this run can have sent. Anybody who may
  /// write to the replay can put it there: it must not end the learner at each start.
  mutating func refuse(_ rows: Range<Int>, _ error: BatchError) {
    if statistics.batchesRefused == 0 {
      say(.warning, "a batch is left out, \(error); later ones are only counted")
    }
    statistics.batchesRefused += 1
    for row in rows { priorities[row] = 0 }
  }

  /// After a batch whose loss or gradient was not finite: it has changed nothing. Its rows at fault
  /// are left out from now on, the others keep their priorities.
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

  /// Stops training for good; what is on disk is the last good state.
  private mutating func diverge(_ divergence: BatchJudge.Divergence) {
    statistics.hasDiverged = true
    faults.noteDiverged()
    say(
      .error,
      "\(divergence) after \(statistics.updates) updates: training stopped, the last good checkpoint is kept; a smaller "
        + "algorithm.learning_rate may help")
  }
}
