// When batches that are not finite end a learner's training.

/// Decides when batches whose loss or gradient was not finite end a training. None of them has
/// changed anything.
///
/// One such batch is the fault of its rows: training goes on without them. Ten in a row are the
/// fault of the weights. So is one on weights that were restored after a divergence: they are the
/// last good ones, so nothing earlier can be restored. A batch that holds only rows left out before
/// these weights is not counted: it says nothing of them.
struct BatchJudge {
  /// Each of these batches leaves out its rows at fault: a few damaged rows cannot fill ten in a
  /// row.
  static let inARowMax = 10

  enum Verdict: Hashable {
    case goOn
    /// Training stops, and no priority of these batches is written.
    case diverged(Divergence)
  }

  enum Divergence: Hashable {
    case inARow
    case onLastGoodWeights
  }

  private(set) var inARow = 0
  /// The learner was restarted after a divergence, and has not trained since.
  private(set) var isOnLastGoodWeights: Bool

  init(isOnLastGoodWeights: Bool = false) { self.isOnLastGoodWeights = isOnLastGoodWeights }

  mutating func recordTrained() {
    inARow = 0
    isOnLastGoodWeights = false
  }

  mutating func recordNotFinite() -> Verdict {
    inARow += 1
    if isOnLastGoodWeights { return .diverged(.onLastGoodWeights) }
    return inARow >= Self.inARowMax ? .diverged(.inARow) : .goOn
  }
}

extension BatchJudge.Divergence: CustomStringConvertible {
  var description: String {
    switch self {
    case .inARow:
      "the loss or gradient of \(BatchJudge.inARowMax) batches in a row became infinite or NaN"
    case .onLastGoodWeights:
      "the loss or gradient of the first batch on the last good weights became infinite or NaN"
    }
  }
}
