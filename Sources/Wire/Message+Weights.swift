// JOIN, DELTA and WEIGHTS: messages between learners, parameter server and actors.

public import Experience

/// `[version, 12, id, token, label, tensors]`: a learner joins.
public struct Join: ValueMessage {
  /// The learner's incarnation.
  public var id: Identifier
  /// The run's token; nil in a run without (see `Telemetry`).
  public var token: Identifier?
  /// A name for people.
  public var label: String
  /// The tensors of its weights, which must be the server's.
  public var manifest: WeightsManifest

  public init(id: Identifier, token: Identifier? = nil, label: String, manifest: WeightsManifest) {
    self.id = id
    self.token = token
    self.label = label
    self.manifest = manifest
  }

  public func encode(into writer: FrameWriter) {
    writer.begin(.join)
    writer.identifier(id)
    writer.identifier(token)
    writer.string(label)
    writer.manifest(manifest)
  }

  public init(from cursor: inout FrameCursor) throws(WireError) {
    id = try cursor.identifier("the learner's id")
    token = try cursor.optionalIdentifier("the run's token")
    label = try cursor.string(maxBytes: Limits.labelBytes, "the label")
    manifest = try cursor.manifest()
    try cursor.close()
  }
}

/// `[version, 13, incarnation, index, merged, weights version]`: the answer to JOIN.
public struct Joined: ValueMessage {
  /// The parameter server's incarnation.
  public var incarnation: Identifier
  /// The learner's number, from 0: the lowest that is free.
  public var index: Int
  /// The sequence number of the learner's last merged delta; 0 for none.
  public var merged: UInt64
  /// The version of the current weights.
  public var version: UInt64

  public init(incarnation: Identifier, index: Int, merged: UInt64, version: UInt64) {
    self.incarnation = incarnation
    self.index = index
    self.merged = merged
    self.version = version
  }

  public func encode(into writer: FrameWriter) {
    writer.begin(.joined)
    writer.identifier(incarnation)
    writer.unsigned(index)
    writer.unsigned(merged)
    writer.unsigned(version)
  }

  public init(from cursor: inout FrameCursor) throws(WireError) {
    incarnation = try cursor.identifier("the incarnation")
    index = try cursor.count(max: Limits.members, "the index")
    merged = try cursor.number("the merged sequence")
    version = try cursor.number("the weights version")
    try cursor.close()
  }
}

/// `[version, 14, id, sequence, base version, updates, transitions, restores, oldest update, newest
/// update, values]`, a padding before the values: what a learner has learned since its last push.
public struct Delta {
  /// The learner's incarnation.
  public var id: Identifier
  /// Rises by one with each delta of an incarnation. A learner repeats a delta unchanged until it
  /// is merged.
  public var sequence: UInt64
  /// The version of the publication that the delta is taken from.
  public var baseVersion: UInt64
  /// Updates in this delta, 1…2³² − 1.
  public var updates: UInt64
  /// Transitions that these updates were trained on, `updates`…2⁵² − 1: the delta's weight in the
  /// average.
  public var transitions: UInt64
  /// The learner replaces weights that diverged: the delta is no step to follow further.
  public var restores: Bool
  /// When the first of them was made, in nanoseconds (0…2⁶²) of the machine's monotonic clock.
  public var oldestUpdate: Int64
  /// When the last of them was made, on the same clock.
  public var newestUpdate: Int64
  /// float32 for each element, in the manifest's order.
  public var values: UnsafeRawBufferPointer

  public init(
    id: Identifier, sequence: UInt64, baseVersion: UInt64, updates: UInt64, transitions: UInt64,
    restores: Bool = false, oldestUpdate: Int64, newestUpdate: Int64, values: UnsafeRawBufferPointer
  ) {
    self.id = id
    self.sequence = sequence
    self.baseVersion = baseVersion
    self.updates = updates
    self.transitions = transitions
    self.restores = restores
    self.oldestUpdate = oldestUpdate
    self.newestUpdate = newestUpdate
    self.values = values
  }

  public func encode(into writer: FrameWriter) {
    writer.begin(.delta)
    writer.identifier(id)
    writer.unsigned(sequence)
    writer.unsigned(baseVersion)
    writer.unsigned(updates)
    writer.unsigned(transitions)
    writer.bool(restores)
    writer.signed(oldestUpdate)
    writer.signed(newestUpdate)
    writer.alignedBinary(values)
  }

  public init(from cursor: inout FrameCursor) throws(WireError) {
    id = try cursor.identifier("the learner's id")
    sequence = try cursor.number("the sequence")
    baseVersion = try cursor.number("the base version")
    updates = try cursor.number("the updates")
    transitions = try cursor.number("the transitions")
    restores = try cursor.bool("whether it restores")
    oldestUpdate = try cursor.time("the oldest update")
    newestUpdate = try cursor.time("the newest update")
    values = try cursor.alignedBinary("the values")
    try cursor.close()
  }
}

/// `[version, 15, topic, weights version, incarnation, updates, clock, env steps, milestone, oldest
/// update, newest update, merged, tensors, values]`: one publication.
///
/// A subscriber subscribes to the first bytes of the frame, up to and with the topic. So a
/// publication is one frame, and ZeroMQ's prefix filter still works. The topic `all` carries every
/// publication. A new subscriber also subscribes to its own name; the server answers on it at once
/// with the current version.
public struct Weights {
  /// The topic of every publication.
  public static let topicAll = "all"
  /// The topic of milestones, for learners, which must receive each of them.
  public static let topicMilestone = "milestone"
  /// Before a subscriber's own name: the topic on which the server answers with the newest
  /// milestone.
  public static let milestonePrefix = "milestone-"

  /// `all`, `milestone`, or a subscriber's own.
  public var topic: String
  /// The number of this publication; it only grows.
  public var version: UInt64
  /// The parameter server's incarnation.
  public var incarnation: Identifier
  /// Updates in the weights over the whole run.
  public var updates: UInt64
  /// The clock of schedules, in updates. With one learner, its updates; with several, the sum over
  /// rounds of the weighted mean of their updates.
  public var clock: Double
  /// Actions of all actors over the whole run, as far as they are reported: the other clock of
  /// schedules.
  public var envSteps: UInt64
  /// The version of the newest milestone, which this publication is or the server keeps; 0 in a run
  /// without milestones. A milestone is the first publication of a run, and each whose clock passes
  /// a multiple of the run's updates between milestones.
  public var milestone: UInt64
  /// When the first update that this version added was made, in nanoseconds of the machine's
  /// monotonic clock; 0 for none.
  public var oldestUpdate: Int64
  /// When the last of them was made, on the same clock; 0 for none.
  public var newestUpdate: Int64
  /// The last merged delta of each learner.
  public var merged: [Merged]
  /// The tensors of `values`.
  public var manifest: WeightsManifest
  /// float32 for each element, in the manifest's order.
  public var values: UnsafeRawBufferPointer

  public init(
    topic: String, version: UInt64, incarnation: Identifier, updates: UInt64, clock: Double,
    envSteps: UInt64 = 0, milestone: UInt64, oldestUpdate: Int64, newestUpdate: Int64, merged: [Merged],
    manifest: WeightsManifest, values: UnsafeRawBufferPointer
  ) {
    self.topic = topic
    self.version = version
    self.incarnation = incarnation
    self.updates = updates
    self.clock = clock
    self.envSteps = envSteps
    self.milestone = milestone
    self.oldestUpdate = oldestUpdate
    self.newestUpdate = newestUpdate
    self.merged = merged
    self.manifest = manifest
    self.values = values
  }

  /// Every learner must receive such a publication.
  public var isMilestone: Bool { milestone == version }

  /// The frame's prefix for a topic: the argument of ZMQ_SUBSCRIBE.
  public static func subscription(topic: String) -> [UInt8] {
    let writer = FrameWriter()
    writer.begin(.weights)
    writer.string(topic)
    return writer.array()
  }

  public func encode(into writer: FrameWriter) {
    writer.begin(.weights)
    writer.string(topic)
    writer.unsigned(version)
    writer.identifier(incarnation)
    writer.unsigned(updates)
    writer.double(clock)
    writer.unsigned(envSteps)
    writer.unsigned(milestone)
    writer.signed(oldestUpdate)
    writer.signed(newestUpdate)
    writer.array(merged.count)
    for entry in merged {
      writer.array(2)
      writer.publicName(entry.learner)
      writer.unsigned(entry.sequence)
    }
    writer.manifest(manifest)
    writer.alignedBinary(values)
  }

  public init(from cursor: inout FrameCursor) throws(WireError) {
    topic = try cursor.string(maxBytes: Limits.labelBytes, "the topic")
    version = try cursor.number("the weights version")
    incarnation = try cursor.identifier("the incarnation")
    updates = try cursor.number("the updates")
    clock = try cursor.double(in: 0...Double(Limits.number), "the clock")
    envSteps = try cursor.number("the env steps")
    milestone = try cursor.number("the milestone")
    oldestUpdate = try cursor.time("the oldest update")
    newestUpdate = try cursor.time("the newest update")
    merged = []
    for _ in 0..<(try cursor.array(max: Limits.members, "the merged deltas")) {
      try cursor.elements(2, "a merged delta")
      merged.append(
        Merged(
          learner: try cursor.publicName("a learner's name"), sequence: try cursor.number("a merged sequence")
        ))
    }
    manifest = try cursor.manifest()
    values = try cursor.alignedBinary(byteCount: manifest.elementCount * 4, "the values")
    try cursor.close()
  }
}
