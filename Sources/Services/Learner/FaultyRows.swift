// Rows that made a loss or gradient infinite or NaN.

internal import Experience

/// The rows that are not trained on again, and those of batches in a row that may yet turn out to
/// be the weights' fault.
struct FaultyRows {
  private(set) var leftOut: LeftOutRows
  /// `leftOut` has more than its file.
  var isUnsaved = false
  private var judge: BatchJudge
  /// Items at fault of the batches in a row that were not finite. They get priority 0 once a batch
  /// was trained on: until then it may be the weights that are at fault, and no priority is
  /// written.
  private var suspects: [SampledRow] = []
  /// Fingerprints of all rows at fault of those batches. A row of an earlier incarnation is none:
  /// it was found before the weights that are trained on.
  private var suspectRows: Set<UInt64> = []

  init(_ leftOut: LeftOutRows) {
    self.leftOut = leftOut
    judge = BatchJudge(isOnLastGoodWeights: leftOut.isAfterDivergence)
  }

  var count: Int { leftOut.count }
  /// In the middle of batches that are not finite the weights may be on their way out.
  var areWeightsInDoubt: Bool { judge.inARow > 0 }

  /// Empties the rows that are not to be trained on again; the caller gives them weight 0. Some of
  /// them may be suspect: the weights can be at fault for them.
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

  mutating func insert(_ rows: [Int], of sampled: SampledBatch) -> BatchJudge.Verdict {
    for row in rows {
      let fingerprint = sampled.fingerprint(of: row)
      leftOut.insert(fingerprint)
      suspectRows.insert(fingerprint)
    }
    if !rows.isEmpty { isUnsaved = true }
    suspects += rows.compactMap { sampled.item(at: $0) }
    return judge.noteNotFinite()
  }

  /// A batch was trained on: the weights are good. Returns the items whose priority becomes 0.
  mutating func noteTrained() -> [SampledRow] {
    if leftOut.isAfterDivergence {
      leftOut.isAfterDivergence = false
      isUnsaved = true
    }
    judge.noteTrained()
    suspectRows.removeAll()
    defer { suspects.removeAll() }
    return suspects
  }

  mutating func noteDiverged() {
    suspects.removeAll()
    suspectRows.removeAll()
    leftOut.isAfterDivergence = true
    isUnsaved = true
  }
}
