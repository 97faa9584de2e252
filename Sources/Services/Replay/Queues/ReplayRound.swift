// What a round of frames leaves to do.

/// Frames come together and are answered together: requests are served, and inserts acknowledged,
/// once all available frames have been received or enough bytes are committed.
struct ReplayRound {
  /// Committed bytes after which inserts are acknowledged at once: a writer that waits for it has
  /// little more in flight.
  static let acknowledgeEvery = 64 << 10
  /// Committed bytes after which requests are served at once: this takes some tenths of a
  /// millisecond.
  static let drainEvery = 256 << 10

  /// Of frames committed since the last acknowledgements.
  private var bytesUnacknowledged = 0
  /// Whether something has come since the last drain that may admit what waits.
  private(set) var isDrainDue = false
  /// Of frames committed since the last drain.
  private var bytesBeforeDrain = 0

  /// - Parameter letsIn: something waits that this commit may admit.
  mutating func didCommit(bytes: Int, letsIn: Bool) {
    bytesUnacknowledged += bytes
    bytesBeforeDrain += bytes
    isDrainDue = isDrainDue || letsIn
  }

  mutating func didRequest() { isDrainDue = true }

  var isAcknowledgementDue: Bool { bytesUnacknowledged >= Self.acknowledgeEvery }
  /// A drain is due before the round ends.
  var isDrainUrgent: Bool { isDrainDue && bytesBeforeDrain >= Self.drainEvery }

  mutating func didAcknowledge() { bytesUnacknowledged = 0 }
  mutating func didDrain() { (isDrainDue, bytesBeforeDrain) = (false, 0) }
}
