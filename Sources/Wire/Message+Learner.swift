// LEARNER? and LEARNER: which learner a shard has.

/// `[version, 32]`: asks a shard for its learner; needs no HELLO. From that learner it is a sign of
/// life.
public enum LearnerRequest {
  public static func encode(into writer: FrameWriter) { writer.begin(.learnerRequest) }
}

/// `[version, 33, own, learner, asker]`: the answer to LEARNER?.
public struct Learner: ValueMessage {
  /// The shard takes one learner at a time (`replay.binding: own`).
  public var isOwn: Bool
  /// The label of that learner; nil if the shard has none, or takes any number.
  public var label: String?
  /// The connection that asks is that learner's.
  public var isAsker: Bool

  public init(isOwn: Bool, label: String?, isAsker: Bool) {
    self.isOwn = isOwn
    self.label = label
    self.isAsker = isAsker
  }

  public func encode(into writer: FrameWriter) {
    writer.begin(.learner)
    writer.bool(isOwn)
    if let label { writer.string(label) } else { writer.null() }
    writer.bool(isAsker)
  }

  public init(from cursor: inout FrameCursor) throws(WireError) {
    isOwn = try cursor.bool("whether the shard takes one learner")
    label = try cursor.readNil() ? nil : cursor.string(maxBytes: Limits.labelBytes, "the learner's label")
    isAsker = try cursor.bool("whether that is the asker")
    try cursor.close()
  }
}
