// Writes and reads a learner's checkpoints.

internal import Algorithms
internal import Experience
internal import Foundations
internal import Glibc
internal import Numerics

/// A learner has two files. `learner-1.safetensors` holds the weights under PyTorch's names, as
/// `load_state_dict` accepts them. `learner-1.optimizer.safetensors` holds the rest of the
/// learning rule's state (DQN: the optimizer's moments and the target network). A save replaces
/// each file atomically and keeps the one before as `.previous`, which is loaded if the newest
/// is damaged. `learner-1.left-out.safetensors` holds `LeftOutRows`.
struct CheckpointFolder {
  let path: String
  private let label: String
  private let manifest: WeightsManifest

  init(path: String, label: String, manifest: WeightsManifest) {
    self.path = path
    self.label = label
    self.manifest = manifest
  }

  /// Called at the first save, not at the start: a full disk must not keep a learner from training.
  private func makeFolder() throws(SystemCallError) {
    guard mkdir(path, 0o755) == 0 || errno == EEXIST else { throw .last("make the folder", path) }
  }

  var weightsPath: String { "\(path)/\(label).safetensors" }
  var optimizerPath: String { "\(path)/\(label).optimizer.safetensors" }

  var leftOutPath: String { "\(path)/\(label).left-out.safetensors" }

  /// The path at which the replaced version of a file is kept.
  static func previous(_ path: String) -> String {
    let suffix = ".safetensors"
    return (path.hasSuffix(suffix) ? String(path.dropLast(suffix.count)) : path) + ".previous" + suffix
  }

  /// Links the file that is about to be replaced to its second name. At every moment one of the two
  /// names has a whole file.
  private func keepPrevious(of path: String) {
    let previous = Self.previous(path)
    unlink(previous)
    link(path, previous)
  }

  /// Saves a rule's parameters and state. The optimizer is written first, so that it is never older
  /// than the weights.
  func save(parameters: [Float], state: RuleState, metadata: [String: String]) throws {
    try makeFolder()
    let counters = state.counters.mapValues { String($0) }
    var optimizer = SafetensorsWriter(metadata: metadata.merging(counters) { $1 })
    let names = state.vectors.keys.sorted()
    for name in names { try add(state.vectors[name] ?? [], prefix: name + ".", to: &optimizer) }
    // A damaged newest file must not replace the good one before it.
    if isLoadable(optimizerPath, names.map { $0 + "." }) { keepPrevious(of: optimizerPath) }
    if isLoadable(weightsPath, [""]) { keepPrevious(of: weightsPath) }
    try optimizer.write(to: optimizerPath)
    try save(parameters, metadata: metadata)
  }

  private func isLoadable(_ path: String, _ prefixes: [String]) -> Bool {
    guard let file = try? SafetensorsFile(path: path) else { return false }
    return prefixes.allSatisfy { (try? vector(file, prefix: $0)) != nil }
  }

  func save(_ rows: LeftOutRows) throws {
    try makeFolder()
    try rows.write(to: leftOutPath)
  }

  /// Saves weights without optimizer state.
  func save(_ values: [Float], metadata: [String: String]) throws {
    try makeFolder()
    var weights = SafetensorsWriter(metadata: metadata)
    try add(values, prefix: "", to: &weights)
    try weights.write(to: weightsPath)
  }

  private func add(_ vector: [Float], prefix: String, to writer: inout SafetensorsWriter) throws {
    var offset = 0
    for tensor in manifest.tensors {
      let values = Array(vector[offset..<offset + tensor.elementCount])
      try writer.add(prefix + tensor.name, shape: tensor.shape, values)
      offset += tensor.elementCount
    }
  }

  /// A checkpoint that was loaded.
  struct Loaded {
    var updates: UInt64
    /// Why the previous checkpoint was loaded instead of the newest, or not all of it; else nil.
    var notice: String?
  }

  /// Loads the optimizer's state and targets into `rule`; nil if there is no checkpoint. If the
  /// newest is damaged or missing, it loads the one before.
  /// - Throws: `SafetensorsError` if neither can be loaded, for example because of another network.
  func load(into rule: any LearningRule) throws -> Loaded? {
    let found = try newest(of: optimizerPath) { try load($0, into: rule) }
    return found.map { loaded, problem in
      let notices = [
        notice(problem, optimizerPath, updates: loaded.updates),
        loaded.isOfThisOptimizer
          ? nil
          : "'\(optimizerPath)': expected the moments of algorithm.optimizer.kind, found those of another one: they "
            + "begin at zero",
      ].compactMap { $0 }
      return Loaded(updates: loaded.updates, notice: notices.isEmpty ? nil : notices.joined(separator: "; "))
    }
  }

  /// The weights of the last checkpoint, or nil if there is none. If the newest are damaged or
  /// missing, it returns those before them, with a notice.
  /// - Throws: `SafetensorsError` if neither can be loaded, for example because of another network.
  func weights() throws -> (values: [Float], updates: UInt64, notice: String?)? {
    let found = try newest(of: weightsPath) { path in
      let file = try SafetensorsFile(path: path)
      return (values: try vector(file, prefix: ""), updates: UInt64(try file.count("updates")))
    }
    return found.map { ($0.values, $0.updates, notice($1, weightsPath, updates: $0.updates)) }
  }

  /// The contents of a file, or of the previous one together with the problem of the newest; nil if
  /// there is neither.
  private func newest<Contents>(
    of path: String, _ read: (String) throws -> Contents
  ) throws -> (Contents, problem: String?)? {
    let previous = Self.previous(path)
    let isThere = access(path, F_OK) == 0
    guard isThere || access(previous, F_OK) == 0 else { return nil }
    // A save never leaves a moment without the newest file: somebody has removed it.
    guard isThere else {
      return (try read(previous), "'\(path)': expected the newest checkpoint, found none")
    }
    do {
      return (try read(path), nil)
    } catch {
      guard let contents = try? read(previous) else { throw error }
      return (contents, "\(error)")
    }
  }

  private func notice(_ problem: String?, _ path: String, updates: UInt64) -> String? {
    problem.map {
      "\($0); the checkpoint before it, \(Self.previous(path)), of \(updates) updates, is used instead"
    }
  }

  private func load(
    _ path: String, into rule: any LearningRule
  ) throws -> (updates: UInt64, isOfThisOptimizer: Bool) {
    let file = try SafetensorsFile(path: path)
    let names = rule.stateNames
    var state = RuleState()
    for name in names.vectors { state.vectors[name] = try vector(file, prefix: name + ".") }
    let updates = UInt64(try file.count("updates"))
    // With another optimizer than the run had, its vectors begin at zero.
    let isOfThisOptimizer = names.counters.allSatisfy { file.metadata[$0] != nil }
    if isOfThisOptimizer {
      for name in names.optimizerVectors { state.vectors[name] = try vector(file, prefix: name + ".") }
      for name in names.counters { state.counters[name] = try file.count(name) }
    }
    rule.restore(state)
    return (updates, isOfThisOptimizer)
  }

  /// The mean return in the saved weights' metadata; nil if they are missing or cannot be read.
  var meanReturn: Double? {
    (try? SafetensorsFile(path: weightsPath))?.metadata["mean_return"].flatMap(Double.init)
      .flatMap { $0.isFinite ? $0 : nil }
  }

  private func vector(_ file: SafetensorsFile, prefix: String) throws -> [Float] {
    var values: [Float] = []
    values.reserveCapacity(manifest.elementCount)
    for tensor in manifest.tensors {
      values += try file.finiteFloats(prefix + tensor.name, shape: tensor.shape)
    }
    return values
  }
}

/// What a learner resumes from.
struct ResumedLearner {
  var updates: UInt64 = 0
  var leftOut = LeftOutRows()
  /// After a divergence, the weights to start from; else nil, for the published ones.
  var lastGoodWeights: [Float]?
}

extension CheckpointFolder {
  /// Loads the state that an earlier incarnation saved into `rule`. The weights come from the
  /// parameter server.
  func resume(_ rule: any LearningRule, _ log: Log) throws -> ResumedLearner {
    var resumed = ResumedLearner()
    do {
      resumed.leftOut = try LeftOutRows(path: leftOutPath)
    } catch {
      log.warning("\(error); the learner has to find the rows to leave out of training again")
    }
    if resumed.leftOut.isAfterDivergence { resumed.lastGoodWeights = lastGoodWeights(log) }
    if !resumed.leftOut.isEmpty {
      log.info(
        "leaving \(resumed.leftOut.count) rows out of training, whose loss or gradient was NaN or infinite")
    }
    guard let loaded = try load(into: rule) else { return resumed }
    if let notice = loaded.notice { log.warning(notice) }
    resumed.updates = loaded.updates
    log.info("resumed after \(loaded.updates) updates from \(path)")
    return resumed
  }

  private func lastGoodWeights(_ log: Log) -> [Float]? {
    do {
      guard let good = try weights() else {
        log.warning("no checkpoint from before the divergence; resuming from the published weights")
        return nil
      }
      if let notice = good.notice { log.warning(notice) }
      log.info(
        "resuming after a divergence from the last good checkpoint, of \(good.updates) updates")
      return good.values
    } catch {
      log.warning("\(error); resuming after a divergence from the published weights")
      return nil
    }
  }
}
