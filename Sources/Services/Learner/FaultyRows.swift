// Rows that made a loss or gradient infinite or NaN.

internal import Experience

/// The rows that are left out of training, and those of the last batches in a row that may turn out
/// to be the weights' fault.
struct FaultyRows {
  private(set) var leftOut: LeftOutRows
  /// `leftOut` has changed since it was saved.
  var isUnsaved = false
  private var judge: BatchJudge
  /// Items at fault of the batches in a row that were not finite. They get priority 0 once a batch
  /// is trained on; until then the weights may be at fault.
  private var suspects: [SampledRow] = []
  /// Fingerprints of all rows at fault of those batches. Rows that an earlier incarnation found are
  /// not among them: they were found on other weights.
  private var suspectRows: Set<UInt64> = []

  init(_ leftOut: LeftOutRows) {
    self.leftOut = leftOut
    judge = BatchJudge(isOnLastGoodWeights: leftOut.isAfterDivergence)
  }

  var count: Int { leftOut.count }
  /// Inside a series of batches that are not finite, the weights may be diverging.
  var areWeightsInDoubt: Bool { judge.inARow > 0 }

  /// Zeros the rows that are left out; the caller gives them importance weight 0. `isSuspect`: the
  /// weights may be at fault for some of them.
  func clear(_ rows: Range<Int>, of sampled: SampledBatch) -> (rows: [Int], isSuspect: Bool) {
    guard !leftOut.isEmpty else { return ([], false) }
    var isSuspect = false
    let cleared = rows.filter { row in
      let fingerprint = sampled.fingerprint(of: row)
      guard leftOut.contains(fingerprint) else { return false }
      isSuspect = isSuspect || suspectRows.contains(fingerprint)
      return true
    }
    for row in cleared { sampled.clear(row) }
    return (cleared, isSuspect)
  }

  /// Leaves out the rows at fault of a batch that was not finite.
  mutating func insert(_ rows: [Int], of sampled: SampledBatch) -> BatchJudge.Verdict {
    for row in rows {
      let fingerprint = sampled.fingerprint(of: row)
      leftOut.insert(fingerprint)
      suspectRows.insert(fingerprint)
    }
    if !rows.isEmpty { isUnsaved = true }
    suspects += rows.compactMap { sampled.item(at: $0) }
    return judge.recordNotFinite()
  }

  /// Records that a batch was trained on, so the weights are good. Returns the items whose priority
  /// becomes 0.
  mutating func recordTrained() -> [SampledRow] {
    if leftOut.isAfterDivergence {
      leftOut.isAfterDivergence = false
      isUnsaved = true
    }
    judge.recordTrained()
    suspectRows.removeAll()
    defer { suspects.removeAll() }
    return suspects
  }

  mutating func recordDivergence() {
    suspects.removeAll()
    suspectRows.removeAll()
    leftOut.isAfterDivergence = true
    isUnsaved = true
  }
}
