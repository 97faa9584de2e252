// GRADIENT and UPDATED: a learner's gradient, and the weights that it made.

public import Experience

/// `[version, 30, id, sequence, incarnation, base, rows, weight max, made at, values]`, a padding
/// before the values: the gradient of one batch's mean loss.
public struct Gradient {
  /// The learner's incarnation.
  public var id: Identifier
  /// Rises by one with each gradient of an incarnation. A learner repeats a gradient unchanged
  /// until it is answered.
  public var sequence: UInt64
  /// The incarnation of the parameter server that sent the weights it was computed on.
  public var incarnation: Identifier
  /// The updates in those weights: `Weights.updates` or `Updated.updates`.
  public var base: UInt64
  /// Rows of the batch, 1…2²⁰.
  public var rows: Int
  /// The batch's largest importance weight, by which its weights were divided: P(i)^−β of the least
  /// probable row, above 0, at most 10³⁰. 1 without importance weights.
  public var weightMax: Double
  /// When it was computed, in nanoseconds (0…2⁶²) of the machine's monotonic clock.
  public var madeAt: Int64
  /// float32 for each element, in the manifest's order, before clipping.
  public var values: UnsafeRawBufferPointer

  /// The largest `weightMax`.
  public static let weightLimit = 1e30

  public init(
    id: Identifier, sequence: UInt64, incarnation: Identifier, base: UInt64, rows: Int, weightMax: Double,
    madeAt: Int64, values: UnsafeRawBufferPointer
  ) {
    self.id = id
    self.sequence = sequence
    self.incarnation = incarnation
    self.base = base
    self.rows = rows
    self.weightMax = weightMax
    self.madeAt = madeAt
    self.values = values
  }

  public func encode(into writer: FrameWriter) {
    writer.begin(.gradient)
    writer.identifier(id)
    writer.unsigned(sequence)
    writer.identifier(incarnation)
    writer.unsigned(base)
    writer.unsigned(rows)
    writer.double(weightMax)
    writer.signed(madeAt)
    writer.alignedBinary(values)
  }

  public init(from cursor: inout FrameCursor) throws(WireError) {
    id = try cursor.identifier("the learner's id")
    sequence = try cursor.number("the sequence")
    incarnation = try cursor.identifier("the incarnation of the base")
    base = try cursor.number("the base's updates")
    rows = try cursor.count(max: Limits.batchItems, "the rows")
    weightMax = try cursor.double(in: 0...Self.weightLimit, "the largest weight")
    madeAt = try cursor.time("the time")
    values = try cursor.alignedBinary("the values")
    try cursor.close()
  }
}

/// `[version, 31, incarnation, sequence, outcome, staleness, weights version, updates, clock, env
/// steps, values]`, a padding before the values: the answer to GRADIENT, with the newest weights.
public struct Updated {
  /// What became of the gradient. Raw values are the codes on the wire.
  public enum Outcome: UInt8, CaseIterable, Sendable {
    /// It is in the weights.
    case applied = 1
    /// It was too stale, and changed nothing.
    case dropped = 2
  }

  /// The parameter server's incarnation.
  public var incarnation: Identifier
  /// The gradient's.
  public var sequence: UInt64
  /// What became of it.
  public var outcome: Outcome
  /// Updates between the weights that it was computed on and those that it was applied to.
  public var staleness: UInt64
  /// The newest published version; the values are as new or newer.
  public var version: UInt64
  /// Updates in the values, over the whole run.
  public var updates: UInt64
  /// The clock of schedules at the values; see `Weights.clock`.
  public var clock: Double
  /// Actions of all actors, as far as they are reported.
  public var envSteps: UInt64
  /// float32 for each element, in the manifest's order.
  public var values: UnsafeRawBufferPointer

  public init(
    incarnation: Identifier, sequence: UInt64, outcome: Outcome, staleness: UInt64, version: UInt64,
    updates: UInt64, clock: Double, envSteps: UInt64, values: UnsafeRawBufferPointer
  ) {
    self.incarnation = incarnation
    self.sequence = sequence
    self.outcome = outcome
    self.staleness = staleness
    self.version = version
    self.updates = updates
    self.clock = clock
    self.envSteps = envSteps
    self.values = values
  }

  public func encode(into writer: FrameWriter) {
    writer.begin(.updated)
    writer.identifier(incarnation)
    writer.unsigned(sequence)
    writer.unsigned(UInt64(outcome.rawValue))
    writer.unsigned(staleness)
    writer.unsigned(version)
    writer.unsigned(updates)
    writer.double(clock)
    writer.unsigned(envSteps)
    writer.alignedBinary(values)
  }

  public init(from cursor: inout FrameCursor) throws(WireError) {
    incarnation = try cursor.identifier("the incarnation")
    sequence = try cursor.number("the sequence")
    let start = cursor.offset
    let code = try cursor.unsigned("the outcome")
    guard code <= 255, let outcome = Outcome(rawValue: UInt8(code)) else {
      throw WireError(offset: start, expected: "outcome 1 (applied) or 2 (dropped)", found: "\(code)")
    }
    self.outcome = outcome
    staleness = try cursor.number("the staleness")
    version = try cursor.number("the weights version")
    updates = try cursor.number("the updates")
    clock = try cursor.double(in: 0...Double(Limits.number), "the clock")
    envSteps = try cursor.number("the env steps")
    values = try cursor.alignedBinary("the values")
    try cursor.close()
  }
}
