// Keeps the reports of processes and the evaluations.

internal import Experience
internal import Foundations
public import Wire

/// The last report of each process and the newest evaluations, for STATUS and the pages. It is
/// bounded against forged reports: one process for each connection, `Limits.processes` processes,
/// `Limits.boardCounters` counters in all. When it is full, reports of new processes are dropped.
public struct RunBoard {
  private struct Entry {
    var report: ShownTelemetry
    var at: Instant
    /// Nil for the server's own.
    var peer: PeerID?
  }

  private var entries: [Identifier: Entry] = [:]
  private var reporters: [PeerID: Identifier] = [:]
  private var counterCount = 0
  /// The newest evaluations, at most `Limits.evaluations`.
  public private(set) var evaluations: [Evaluation] = []
  private var firstEvaluation: UInt64 = 0
  /// Reports dropped because the board was full.
  private(set) var reportsDropped: UInt64 = 0

  /// Evaluations so far, including those that are no longer kept.
  var evaluationCount: UInt64 { firstEvaluation + UInt64(evaluations.count) }

  /// Replaces the report of a process.
  /// - Parameter peer: nil for the server's own report.
  /// - Returns: False if it was dropped.
  @discardableResult
  mutating func record(_ telemetry: Telemetry, from peer: PeerID?, now: Instant) -> Bool {
    // A connection belongs to one process: a new id over it replaces the old process.
    if let peer, let before = reporters[peer], before != telemetry.id { remove(before) }
    let known = entries[telemetry.id]
    let counters = counterCount - (known?.report.counters.count ?? 0) + telemetry.counters.count
    guard known != nil || entries.count < Limits.processes, counters <= Limits.boardCounters else {
      reportsDropped += 1
      return false
    }
    if let left = known?.peer, left != peer { reporters[left] = nil }
    if let peer { reporters[peer] = telemetry.id }
    counterCount = counters
    let report = ShownTelemetry(
      id: known?.report.id ?? telemetry.id.publicName, service: telemetry.service, label: telemetry.label,
      counters: telemetry.counters)
    entries[telemetry.id] = Entry(report: report, at: now, peer: peer)
    return true
  }

  mutating func append(_ evaluation: Evaluation) {
    evaluations.append(evaluation)
    if evaluations.count > Limits.evaluations {
      evaluations.removeFirst()
      firstEvaluation += 1
    }
  }

  /// Removes processes that have been silent for `span`.
  mutating func forget(silentFor span: Instant.Span, now: Instant) {
    for (id, entry) in entries where now >= entry.at + span { remove(id) }
  }

  private mutating func remove(_ id: Identifier) {
    guard let entry = entries.removeValue(forKey: id) else { return }
    counterCount -= entry.report.counters.count
    if let peer = entry.peer { reporters[peer] = nil }
  }
}

extension RunBoard {
  func answer(_ request: StatusRequest, _ weights: WeightsSummary, now: Instant) -> Status {
    let isOfThisIncarnation = request.incarnation == nil || request.incarnation == weights.incarnation
    return status(
      weights, evaluationsKnown: isOfThisIncarnation ? request.evaluationsKnown : 0,
      counters: request.counters,
      bytesMax: Limits.statusBytes, now: now)
  }

  /// The run's status, with the evaluations from number `evaluationsKnown` on.
  func status(
    _ weights: WeightsSummary, evaluationsKnown: UInt64, counters: [String]? = nil, bytesMax: Int = .max,
    now: Instant
  ) -> Status {
    let (processes, leftOut) = processes(counters: counters, bytesMax: bytesMax, now: now)
    let (first, evaluations) = evaluations(from: evaluationsKnown, count: Limits.evaluationsPerStatus)
    return Status(
      incarnation: weights.incarnation, version: weights.version, updates: weights.updates,
      processes: processes,
      processesLeftOut: leftOut, firstEvaluation: first, evaluations: evaluations)
  }

  /// The processes sorted by label, as many as fit into `bytesMax`, with the counters asked for.
  private func processes(
    counters wanted: [String]?, bytesMax: Int, now: Instant
  ) -> (shown: [ProcessStatus], leftOut: Int) {
    let wanted = wanted.map(Set.init)
    var shown: [ProcessStatus] = []
    var bytes = 0
    let sorted = entries.values.sorted { $0.report.label < $1.report.label }
    for entry in sorted {
      var report = entry.report
      if let wanted { report.counters = report.counters.filter { wanted.contains($0.key) } }
      // An upper bound on the encoded size: the process, then each counter.
      bytes += 48 + report.service.utf8.count + report.label.utf8.count
      bytes += report.counters.reduce(0) { $0 + 11 + $1.key.utf8.count }
      guard bytes <= bytesMax else { break }
      shown.append(ProcessStatus(telemetry: report, age_s: (now - entry.at).seconds))
    }
    return (shown, sorted.count - shown.count)
  }

  /// At most `count` evaluations from number `known` on, and the first one's number, which is
  /// higher than `known` if evaluations in between are no longer kept.
  private func evaluations(from known: UInt64, count: Int) -> (first: UInt64, [Evaluation]) {
    // A number beyond all evaluations comes from another incarnation: start from the first.
    let first = known > evaluationCount ? firstEvaluation : max(known, firstEvaluation)
    return (first, Array(evaluations.dropFirst(Int(first - firstEvaluation)).prefix(count)))
  }
}
