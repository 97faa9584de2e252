// Records of a run.

internal import Console
internal import EventLog
internal import Experience
internal import Foundations
internal import Glibc
internal import Services
internal import Wire

/// Appends to `metrics.jsonl`, `evaluations.jsonl` and TensorBoard's event file. Training matters
/// more than its records: lines that cannot be written (a full disk) are counted and reported once,
/// and the run goes on.
struct RunRecorder {
  private var metrics: RecordFile
  private var evaluations: RecordFile
  private var events: RecordFile
  /// Lines and events that were not written.
  private(set) var lost = 0
  private var notices: [String] = []
  /// Names of the metrics that the learning rule reports.
  private let ruleMetrics: [String]

  init(folder: RunFolder, ruleMetrics: [String]) {
    self.ruleMetrics = ruleMetrics
    metrics = RecordFile(path: folder.file("metrics.jsonl"))
    evaluations = RecordFile(path: folder.file("evaluations.jsonl"))
    // One file per session; TensorBoard reads one after the other.
    let name = EventRecord.fileName(
      wallTime_s: SystemClock.wallNanoseconds() / 1_000_000_000, host: Self.host, process: getpid())
    events = RecordFile(path: folder.file(name), head: { EventRecord.version(wallTime_s: Self.wallTime) })
  }

  /// Records one second of the run; TensorBoard also gets the rule's metrics.
  mutating func record(_ sample: RunSample, progress: RunProgress) throws {
    let line = Array(try JSON.line(sample).utf8)
    write(line, \.metrics)
    var scalars = [
      ("rate/env_steps_per_second", sample.envStepsPerSecond),
      ("rate/inserts_per_second", sample.insertsPerSecond),
      ("rate/batches_per_second", sample.batchesPerSecond),
      ("rate/updates_per_second", sample.updatesPerSecond),
      ("replay/steps", sample.replaySteps), ("staleness/versions", sample.stalenessVersions),
      ("staleness/trained_p99", sample.trainedStalenessP99),
      ("staleness/trained_max", sample.trainedStalenessMax),
      ("staleness/update_to_action_p99_ms", sample.updateToActionP99_ms), ("learner/updates", sample.updates),
      ("learner/weights_version", sample.weightsVersion),
      ("learner/waiting_share", sample.learnerWaitingShare), ("actor/processes", Double(sample.actors)),
    ]
    if let epsilon = progress.mean(.actor, .epsilon) { scalars.append(("actor/epsilon", epsilon)) }
    for name in ruleMetrics {
      if let mean = progress.mean(.learner, named: name) { scalars.append(("learner/\(name)", mean)) }
    }
    write(scalars, envSteps: sample.envSteps)
  }

  mutating func record(_ record: EvaluationRecord) throws {
    let line = Array(try JSON.line(record).utf8)
    write(line, \.evaluations)
    let group = record.kind == EvaluationRecord.regular ? "eval" : "confirmation"
    write(
      [
        ("\(group)/mean_return", record.meanReturn), ("\(group)/min_return", record.minReturn),
        ("\(group)/max_return", record.maxReturn),
      ], envSteps: record.envSteps ?? 0)
  }

  /// Sentences for the user since the last call.
  mutating func drainNotices() -> [String] {
    defer { notices = [] }
    return notices
  }

  private mutating func write(_ scalars: [(String, Double)], envSteps: Double) {
    write(
      EventRecord.scalars(scalars, step: Int64(min(envSteps, 1e18)), wallTime_s: Self.wallTime), \.events)
  }

  private mutating func write(_ bytes: [UInt8], _ file: WritableKeyPath<Self, RecordFile>) {
    do {
      try self[keyPath: file].append(bytes)
    } catch {
      // Reported once: on a full disk a short line may fit and the next long one not.
      if lost == 0 {
        notices.append("\(error); the run goes on, and lines that cannot be written are lost and counted")
      }
      lost += 1
    }
  }

  private static var wallTime: Double { Double(SystemClock.wallNanoseconds()) / 1e9 }

  private static let host: String = {
    var name = [CChar](repeating: 0, count: 256)
    gethostname(&name, name.count - 1)
    return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }()
}

/// A file that is opened with its first record.
private struct RecordFile {
  let path: String
  /// The first bytes of a binary file; nil for a file of lines.
  var head: (() -> [UInt8])?
  private var file: AppendOnlyFile?

  init(path: String, head: (() -> [UInt8])? = nil) {
    self.path = path
    self.head = head
  }

  mutating func append(_ bytes: [UInt8]) throws(SystemCallError) {
    if let file { return try file.append(bytes) }
    let opened = try AppendOnlyFile(path: path)
    if let head {
      try opened.append(head() + bytes)
    } else {
      try opened.endLine()
      try opened.append(bytes)
    }
    file = opened
  }
}
