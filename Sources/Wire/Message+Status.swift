// EVALUATION and STATUS: how the run goes.

/// Whether an evaluation looked for the criterion or confirmed it with fresh episodes.
public enum EvaluationKind: UInt8, Sendable {
  case regular = 0
  case confirmation = 1
}

/// `[version, 18, kind, weights version, updates, episodes, mean, min, max, solved]`: greedy episodes of one weights version.
public struct Evaluation: ValueMessage {
  public var kind: EvaluationKind
  public var version: UInt64
  public var updates: UInt64
  public var episodes: Int
  public var meanReturn: Double
  public var minReturn: Double
  public var maxReturn: Double
  /// The criterion is met (for a confirmation: confirmed).
  public var isSolved: Bool

  public init(
    kind: EvaluationKind, version: UInt64, updates: UInt64, episodes: Int, meanReturn: Double,
    minReturn: Double, maxReturn: Double, isSolved: Bool
  ) {
    self.kind = kind
    self.version = version
    self.updates = updates
    self.episodes = episodes
    self.meanReturn = meanReturn
    self.minReturn = minReturn
    self.maxReturn = maxReturn
    self.isSolved = isSolved
  }

  public func encode(into writer: FrameWriter) {
    writer.begin(.evaluation)
    encodeFields(into: writer)
  }

  func encodeFields(into writer: FrameWriter) {
    writer.unsigned(UInt64(kind.rawValue))
    writer.unsigned(version)
    writer.unsigned(updates)
    writer.unsigned(episodes)
    writer.double(meanReturn)
    writer.double(minReturn)
    writer.double(maxReturn)
    writer.bool(isSolved)
  }

  public init(from cursor: inout FrameCursor) throws(WireError) {
    try self.init(fieldsFrom: &cursor)
    try cursor.close()
  }

  init(fieldsFrom cursor: inout FrameCursor) throws(WireError) {
    kind = try cursor.count(max: 1, "the kind of evaluation") == 1 ? .confirmation : .regular
    version = try cursor.number("the weights version")
    updates = try cursor.number("the updates")
    episodes = try cursor.count(max: 1 << 30, "the episodes")
    meanReturn = try cursor.double("the mean return")
    minReturn = try cursor.double("the least return")
    maxReturn = try cursor.double("the greatest return")
    isSolved = try cursor.bool("whether it is solved")
  }
}

/// `[version, 16, evaluations known]`: asks the parameter server how the run goes.
public struct StatusRequest: ValueMessage {
  /// Evaluations already known: only later ones are sent.
  public var evaluationsKnown: UInt64

  public init(evaluationsKnown: UInt64) {
    self.evaluationsKnown = evaluationsKnown
  }

  public func encode(into writer: FrameWriter) {
    writer.begin(.statusRequest)
    writer.unsigned(evaluationsKnown)
  }

  public init(from cursor: inout FrameCursor) throws(WireError) {
    evaluationsKnown = try cursor.number("the evaluations known")
    try cursor.close()
  }
}

/// The last telemetry of a process and its age.
public struct ProcessStatus: Hashable, Sendable {
  public var telemetry: Telemetry
  public var age_s: Double

  public init(telemetry: Telemetry, age_s: Double) {
    self.telemetry = telemetry
    self.age_s = age_s
  }
}

/// `[version, 17, weights version, updates, processes, evaluations]`: a process is `[age, id, service, label, counters]`,
/// evaluations are `[first number, [fields of EVALUATION, …]]`.
public struct Status: ValueMessage {
  public var version: UInt64
  public var updates: UInt64
  public var processes: [ProcessStatus]
  /// The number of the first of `evaluations` in the life of the parameter server.
  public var firstEvaluation: UInt64
  public var evaluations: [Evaluation]

  public init(
    version: UInt64, updates: UInt64, processes: [ProcessStatus], firstEvaluation: UInt64,
    evaluations: [Evaluation]
  ) {
    self.version = version
    self.updates = updates
    self.processes = processes
    self.firstEvaluation = firstEvaluation
    self.evaluations = evaluations
  }

  public func encode(into writer: FrameWriter) {
    writer.begin(.status)
    writer.unsigned(version)
    writer.unsigned(updates)
    writer.array(processes.count)
    for process in processes {
      writer.array(5)
      writer.double(process.age_s)
      process.telemetry.encodeFields(into: writer)
    }
    writer.array(2)
    writer.unsigned(firstEvaluation)
    writer.array(evaluations.count)
    for evaluation in evaluations {
      writer.array(MessageType.evaluation.fieldCount)
      evaluation.encodeFields(into: writer)
    }
  }

  public init(from cursor: inout FrameCursor) throws(WireError) {
    version = try cursor.number("the weights version")
    updates = try cursor.number("the updates")
    processes = []
    for _ in 0..<(try cursor.array(max: Limits.processes, "the processes")) {
      try cursor.elements(5, "a process")
      let age = try cursor.double("a process's age")
      processes.append(ProcessStatus(telemetry: try Telemetry(fieldsFrom: &cursor), age_s: age))
    }
    try cursor.elements(2, "the evaluations")
    firstEvaluation = try cursor.number("the first evaluation's number")
    evaluations = []
    for _ in 0..<(try cursor.array(max: Limits.evaluations, "the evaluations")) {
      try cursor.elements(MessageType.evaluation.fieldCount, "an evaluation")
      evaluations.append(try Evaluation(fieldsFrom: &cursor))
    }
    try cursor.close()
  }
}
