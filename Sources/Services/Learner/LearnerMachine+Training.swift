// An update: from a sampled batch to the priorities that go back.

internal import Algorithms
internal import Experience
public import Foundations
internal import Wire

/// The outcome of an update.
enum UpdateOutcome: Hashable {
  /// On this number of rows.
  case trained(rows: Int)
  /// Nothing was trained on; the next batch may be.
  case leftOut
  case diverged
}

extension LearnerMachine {
  /// Trains on the next batch if one is complete and an update is due. Call `endUpdate` if it
  /// returns true.
  /// - Throws: `LearnerError` if the batch's columns are not this configuration's.
  public mutating func beginUpdate(now: Instant) throws -> Bool {
    precondition(begun == nil, "the last update was not ended")
    guard isReady, now >= nextUpdateAt else { return false }
    guard let sampled = current ?? sampler.popBatch() else {
      statistics.startWaiting(now: now)
      return false
    }
    statistics.stopWaiting(now: now)
    guard sampled.fields == configuration.fields else {
      throw LearnerError.columns(
        expected: configuration.fields.map(\.description), found: sampled.fields.map(\.description))
    }
    current = sampled
    let rows = trainedBatches * configuration.batch..<(trainedBatches + 1) * configuration.batch
    isNextPrepared = false
    trainedVersion = member.version
    begun = (now, rows, update(sampled, rows))
    return true
  }

  /// Counts the update, and writes the priorities back after the last batch of a request. With
  /// shared gradients it sends the gradient.
  /// - Parameter done: when the update ended.
  public mutating func endUpdate(at done: Instant, replay: some FrameSink, parameters: some FrameSink) {
    guard let (started, rows, outcome) = begun, let sampled = current else {
      preconditionFailure("no update was begun")
    }
    begun = nil
    switch outcome {
    case .trained(let trained):
      if member.sharesGradients {
        shareGradient(rows: rows.count, now: done, parameters: parameters)
      } else {
        unpushed.add(rows: trained, at: done)
      }
      let versions = UnsafeBufferPointer(start: sampled.versions + rows.lowerBound, count: rows.count)
      statistics.record(
        rule.metrics, versions: versions, version: trainedVersion, bound: configuration.staleness,
        started: started, done: done)
      let cleared = faults.recordTrained()
      if !cleared.isEmpty { sampler.zero(cleared, sink: replay) }
    case .leftOut: break
    // No priority is written, and no further batch is requested.
    case .diverged: return
    }
    trainedBatches += 1
    if trainedBatches == sampled.batches { finish(sampled, now: done, replay: replay) }
    if configuration.updatesPerSecondMax > 0 {
      // At least one update a day: for a lower rate the pause could overflow.
      let pause = min(86_400, 1 / configuration.updatesPerSecondMax)
      nextUpdateAt = max(nextUpdateAt, started) + .seconds(pause)
    }
  }

  /// Prepares the next batch while an answer to a gradient is awaited. True if it did anything;
  /// then the answer may be there.
  mutating func prepareNext() -> Bool {
    guard member.isAnswerAwaited, !isNextPrepared, !statistics.hasDiverged,
      let sampled = current ?? sampler.popBatch(), sampled.fields == configuration.fields
    else { return false }
    current = sampled
    isNextPrepared = true
    let first = trainedBatches * configuration.batch
    rule.prepareGradients(
      ColumnBatch(
        fields: sampled.fields, columns: sampled.columns, firstRow: first, count: configuration.batch))
    return true
  }

  private mutating func finish(_ sampled: SampledBatch, now: Instant, replay: some FrameSink) {
    priorities.withUnsafeBufferPointer { sampler.update(sampled, priorities: $0, sink: replay) }
    if configuration.staleness == nil {
      sampler.release(sampled, now: now, sink: replay)
    } else {
      finished = sampled
    }
    current = nil
    trainedBatches = 0
  }

  private mutating func update(_ sampled: SampledBatch, _ rows: Range<Int>) -> UpdateOutcome {
    computeImportanceWeights(sampled, rows)
    let (cleared, isSuspect) = faults.clear(rows, of: sampled)
    statistics.rowsLeftOut += UInt64(cleared.count)
    for row in cleared { importanceWeights[row - rows.lowerBound] = 0 }
    if leaveOutdatedOut(sampled, rows) == rows.count {
      statistics.batchesOutdated += 1
      return .leftOut
    }
    if cleared.count == rows.count, !isSuspect {
      skip(rows)
      return .leftOut
    }
    do throws(BatchError) {
      let outcome = cleared.count == rows.count ? .notFinite : try train(sampled, rows)
      switch outcome {
      case .trained:
        for row in cleared { priorities[row] = 0 }
        return .trained(rows: rows.count - cleared.count)
      case .notFinite: return try leaveOut(sampled, rows)
      }
    } catch {
      refuse(rows, error)
      return .leftOut
    }
  }

  /// Gives rows that are too old for the present weights no weight; returns how many. Those that
  /// are only to be corrected for are counted.
  private mutating func leaveOutdatedOut(_ sampled: SampledBatch, _ rows: Range<Int>) -> Int {
    guard let bound = configuration.staleness else { return 0 }
    var count = 0
    for row in rows where bound.isExceeded(by: sampled.versions[row], at: member.version) {
      statistics.rowsOutdated += 1
      guard bound.leavesOut(sampled.versions[row], at: member.version) else { continue }
      importanceWeights[row - rows.lowerBound] = 0
      count += 1
    }
    return count
  }

  private mutating func train(
    _ sampled: SampledBatch, _ rows: Range<Int>
  ) throws(BatchError) -> TrainingOutcome {
    let sharesGradients = member.sharesGradients
    return try withBatch(sampled, rows) { [rule] batch, priorities throws(BatchError) in
      try sharesGradients
        ? rule.computeGradients(batch, priorities: priorities) : rule.train(batch, priorities: priorities)
    }
  }

  private mutating func shareGradient(rows: Int, now: Instant, parameters: some FrameSink) {
    gradient.withUnsafeMutableBufferPointer { [rule] in rule.exportGradients(to: $0) }
    gradient.withUnsafeBufferPointer {
      member.push(gradient: $0, rows: rows, weightMax: Double(weightMax), now: now, sink: parameters)
    }
  }

  /// Calls `body` with rows of a batch and the buffer for their priorities.
  mutating func withBatch<Result>(
    _ sampled: SampledBatch, _ rows: Range<Int>,
    _ body: (ColumnBatch, UnsafeMutableBufferPointer<Float>) throws(BatchError) -> Result
  ) throws(BatchError) -> Result {
    try priorities.withUnsafeMutableBufferPointer { priorities throws(BatchError) in
      try importanceWeights.withUnsafeBufferPointer { weights throws(BatchError) in
        let batch = ColumnBatch(
          fields: sampled.fields, columns: sampled.columns, firstRow: rows.lowerBound, count: rows.count,
          importanceWeights: weights.baseAddress)
        return try body(batch, UnsafeMutableBufferPointer(rebasing: priorities[rows]))
      }
    }
  }

  private mutating func computeImportanceWeights(_ sampled: SampledBatch, _ rows: Range<Int>) {
    let probabilities = UnsafeBufferPointer(
      start: sampled.probabilities + rows.lowerBound, count: rows.count)
    let beta = configuration.importance.beta(afterUpdates: Int(min(clock.updates, 1e15)))
    importanceWeights.withUnsafeMutableBufferPointer { weights in
      do {
        weightMax = try ImportanceWeights.compute(probabilities: probabilities, beta: beta, into: weights)
      } catch {
        // Only a table without mass is sampled like this: all items are drawn alike.
        weights.update(repeating: 1)
        weightMax = 1
      }
    }
  }
}

/// Why a learner cannot train.
public enum LearnerError: Error, CustomStringConvertible {
  /// The batch's columns are not those of the configuration.
  case columns(expected: [String], found: [String])

  public var description: String {
    switch self {
    case .columns(let expected, let found):
      "batch: expected the columns \(expected.joined(separator: ", ")), found \(found.joined(separator: ", ")); "
        + "start actors and learners from the same configuration"
    }
  }
}
