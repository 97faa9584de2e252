// What a round of frames leaves to be done.

/// Frames come together, and are answered together: requests are served, and writers told, once all that are there have been
/// received, or once so much has been committed.
struct ReplayRound {
  /// Committed bytes after which writers are told, whatever else is there: who waits for it has little more in flight.
  static let acknowledgeEvery = 64 << 10
  /// Committed bytes after which requests are served, whatever else is there: some tenths of a millisecond.
  static let drainEvery = 256 << 10

  /// Of frames committed since the last acknowledgements.
  private var bytesUnacknowledged = 0
  /// Whether something has come since the last `drain` that may let something in; and the bytes of frames committed since then.
  private(set) var isDrainDue = false
  private var bytesBeforeDrain = 0

  /// - Parameter letsIn: something waits that this may let in.
  mutating func didCommit(bytes: Int, letsIn: Bool) {
    bytesUnacknowledged += bytes
    bytesBeforeDrain += bytes
    isDrainDue = isDrainDue || letsIn
  }

  mutating func didRequest() { isDrainDue = true }

  var isAcknowledgementDue: Bool { bytesUnacknowledged >= Self.acknowledgeEvery }
  /// A drain is due before the round is over.
  var isDrainUrgent: Bool { isDrainDue && bytesBeforeDrain >= Self.drainEvery }

  mutating func didAcknowledge() { bytesUnacknowledged = 0 }
  mutating func didDrain() { (isDrainDue, bytesBeforeDrain) = (false, 0) }
}
