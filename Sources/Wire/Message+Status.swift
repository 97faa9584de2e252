// EVALUATION and STATUS: the progress of a run.

public import Experience

/// Whether an evaluation searched for the criterion, or confirmed it with fresh episodes. Raw
/// values are the codes on the wire.
public enum EvaluationKind: UInt8, Sendable {
  case regular = 0
  case confirmation = 1
}

/// The result of greedy episodes with one version of the weights. `EvaluationReport` is its
/// message.
public struct Evaluation: Hashable, Sendable {
  /// Elements in a message.
  static let fieldCount = 8

  /// Why the episodes were run.
  public var kind: EvaluationKind
  /// The version of the weights that acted.
  public var version: UInt64
  /// Updates in these weights, over the whole run.
  public var updates: UInt64
  /// Episodes played, at most 2³⁰.
  public var episodes: Int
  /// The mean of their returns.
  public var meanReturn: Double
  /// The least of their returns.
  public var minReturn: Double
  /// The greatest of their returns.
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

  init(fieldsFrom cursor: inout FrameCursor) throws(WireError) {
    kind = try cursor.count(max: 1, "the kind of evaluation") == 1 ? .confirmation : .regular
    version = try cursor.number("the weights version")
    updates = try cursor.number("the updates")
    episodes = try cursor.count(max: 1 << 30, "the episodes")
    meanReturn = try cursor.double("the mean return")
    minReturn = try cursor.double("the least return")
    maxReturn = try cursor.double("the greatest return")
    isSolved = try cursor.bool("the solved mark")
  }
}

/// `[version, 18, token, kind, weights version, updates, episodes, mean, min, max, solved]`: an
/// evaluator reports one evaluation.
public struct EvaluationReport: ValueMessage {
  /// The run's token; nil in a run without (see `Telemetry`).
  public var token: Identifier?
  /// The evaluation.
  public var evaluation: Evaluation

  public init(token: Identifier? = nil, _ evaluation: Evaluation) {
    self.token = token
    self.evaluation = evaluation
  }

  public func encode(into writer: FrameWriter) {
    writer.begin(.evaluation)
    writer.identifier(token)
    evaluation.encodeFields(into: writer)
  }

  public init(from cursor: inout FrameCursor) throws(WireError) {
    token = try cursor.optionalIdentifier("the run's token")
    evaluation = try Evaluation(fieldsFrom: &cursor)
    try cursor.close()
  }
}

/// `[version, 16, incarnation, evaluations known, counters]`: asks the parameter server for the
/// run's progress.
public struct StatusRequest: ValueMessage {
  /// The server's incarnation to which `evaluationsKnown` refers, as the last STATUS said; nil at
  /// first.
  public var incarnation: Identifier?
  /// Evaluations of that incarnation that the client has; the server sends later ones only.
  public var evaluationsKnown: UInt64
  /// Names of the counters to report of each process; nil for all.
  public var counters: [String]?

  public init(incarnation: Identifier? = nil, evaluationsKnown: UInt64, counters: [String]? = nil) {
    self.incarnation = incarnation
    self.evaluationsKnown = evaluationsKnown
    self.counters = counters
  }

  public func encode(into writer: FrameWriter) {
    writer.begin(.statusRequest)
    writer.identifier(incarnation)
    writer.unsigned(evaluationsKnown)
    guard let counters else { return writer.null() }
    writer.array(counters.count)
    for counter in counters { writer.string(counter) }
  }

  public init(from cursor: inout FrameCursor) throws(WireError) {
    incarnation = try cursor.optionalIdentifier("the server's incarnation")
    evaluationsKnown = try cursor.number("the evaluations known")
    if cursor.readNil() {
      counters = nil
    } else {
      var names: [String] = []
      for _ in 0..<(try cursor.array(max: Limits.countersAsked, "the counters that are asked for")) {
        names.append(try cursor.string(maxBytes: Limits.nameBytes, "a counter's name"))
      }
      counters = names
    }
    try cursor.close()
  }
}

/// The last report of a process, for other processes. The `id` is left out, because anyone who
/// knows it can speak as the process.
public struct ShownTelemetry: Hashable, Sendable {
  /// The public name, made of the process's id.
  public var id: PublicName
  /// The name of its service, a `ServiceKind` or another.
  public var service: String
  /// The process's name for people.
  public var label: String
  /// The counters that were asked for, by name.
  public var counters: [String: Double]

  public init(id: PublicName, service: String, label: String, counters: [String: Double]) {
    self.id = id
    self.service = service
    self.label = label
    self.counters = counters
  }

  /// nil if this version has no service of that name.
  public var kind: ServiceKind? { ServiceKind(rawValue: service) }
}

/// The last report of a process, and its age.
public struct ProcessStatus: Hashable, Sendable {
  /// The report.
  public var telemetry: ShownTelemetry
  /// Seconds since the report arrived.
  public var age_s: Double

  public init(telemetry: ShownTelemetry, age_s: Double) {
    self.telemetry = telemetry
    self.age_s = age_s
  }
}

/// `[version, 17, incarnation, weights version, updates, processes, left out, evaluations]`: the
/// answer to STATUS?. A process is `[age, name, service, label, counters]`; evaluations are `[first
/// number, [fields of an evaluation, …]]`.
public struct Status: ValueMessage {
  /// The parameter server's incarnation.
  public var incarnation: Identifier
  /// The version of the current weights.
  public var version: UInt64
  /// Updates in these weights, over the whole run.
  public var updates: UInt64
  /// The last reports, in the order of their labels.
  public var processes: [ProcessStatus]
  /// Processes for which the answer has no room.
  public var processesLeftOut: Int
  /// The number of the first of `evaluations`, counted in this incarnation of the server.
  public var firstEvaluation: UInt64
  /// The evaluations that the client does not have, the oldest first.
  public var evaluations: [Evaluation]

  public init(
    incarnation: Identifier, version: UInt64, updates: UInt64, processes: [ProcessStatus],
    processesLeftOut: Int = 0,
    firstEvaluation: UInt64, evaluations: [Evaluation]
  ) {
    self.incarnation = incarnation
    self.version = version
    self.updates = updates
    self.processes = processes
    self.processesLeftOut = processesLeftOut
    self.firstEvaluation = firstEvaluation
    self.evaluations = evaluations
  }

  public func encode(into writer: FrameWriter) {
    writer.begin(.status)
    writer.identifier(incarnation)
    writer.unsigned(version)
    writer.unsigned(updates)
    writer.array(processes.count)
    for process in processes {
      let report = process.telemetry
      writer.array(5)
      writer.double(process.age_s)
      writer.publicName(report.id)
      writer.string(report.service)
      writer.string(report.label)
      writer.counters(report.counters.sorted { $0.key < $1.key })
    }
    writer.unsigned(processesLeftOut)
    writer.array(2)
    writer.unsigned(firstEvaluation)
    writer.array(evaluations.count)
    for evaluation in evaluations {
      writer.array(Evaluation.fieldCount)
      evaluation.encodeFields(into: writer)
    }
  }

  public init(from cursor: inout FrameCursor) throws(WireError) {
    incarnation = try cursor.identifier("the server's incarnation")
    version = try cursor.number("the weights version")
    updates = try cursor.number("the updates")
    processes = []
    for _ in 0..<(try cursor.array(max: Limits.processes, "the processes")) {
      try cursor.elements(5, "a process")
      let age = try cursor.double("a process's age")
      let report = ShownTelemetry(
        id: try cursor.publicName("a process's name"),
        service: try cursor.string(maxBytes: Limits.labelBytes, "the service"),
        label: try cursor.string(maxBytes: Limits.labelBytes, "the label"), counters: try cursor.counters())
      processes.append(ProcessStatus(telemetry: report, age_s: age))
    }
    processesLeftOut = try cursor.count(max: Limits.processes, "the processes left out")
    try cursor.elements(2, "the evaluations")
    firstEvaluation = try cursor.number("the first evaluation's number")
    evaluations = []
    for _ in 0..<(try cursor.array(max: Limits.evaluationsPerStatus, "the evaluations")) {
      try cursor.elements(Evaluation.fieldCount, "an evaluation")
      evaluations.append(try Evaluation(fieldsFrom: &cursor))
    }
    try cursor.close()
  }
}
