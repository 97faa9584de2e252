// When batches that are not finite end a learner's training.

/// Decides over batches whose loss or gradient was not finite; none of them changed anything.
///
/// One such batch is the fault of its rows: training goes on without them. Ten in a row are the
/// fault of the weights, and so is one on weights that a divergence was restarted from: they are
/// the last good ones, and there is nothing to go back to. A batch of nothing but rows that were left
/// out before these weights says nothing of them, and is not counted.
struct BatchJudge {
  /// Each of them took its rows at fault out. A few damaged rows cannot fill ten batches in a row.
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
  /// The learner was restarted after a divergence, and no batch was trained on since.
  private(set) var isOnLastGoodWeights: Bool

  init(isOnLastGoodWeights: Bool = false) { self.isOnLastGoodWeights = isOnLastGoodWeights }

  mutating func noteTrained() {
    inARow = 0
    isOnLastGoodWeights = false
  }

  mutating func noteNotFinite() -> Verdict {
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
