// A learner's checkpoints.

internal import Algorithms
internal import Experience
internal import Foundations
internal import Glibc
internal import Numerics

/// Two files a learner: `learner-1.safetensors` holds the weights under PyTorch's names (`load_state_dict` takes them), and
/// `learner-1.optimizer.safetensors` Adam's moments and the target network. Each replaces its
/// predecessor whole, which stays beside it as `.previous`: it is taken up if the newest is
/// damaged. `learner-1.left-out.safetensors` holds `LeftOutRows`.
struct CheckpointFolder {
  let path: String
  private let label: String
  private let manifest: WeightsManifest

  init(path: String, label: String, manifest: WeightsManifest) {
    self.path = path
    self.label = label
    self.manifest = manifest
  }

  /// Made when something is saved: a full disk must not keep a learner from training.
  private func makeFolder() throws(SystemCallError) {
    guard mkdir(path, 0o755) == 0 || errno == EEXIST else { throw .last("make the folder", path) }
  }

  var weightsPath: String { "\(path)/\(label).safetensors" }
  var optimizerPath: String { "\(path)/\(label).optimizer.safetensors" }

  var leftOutPath: String { "\(path)/\(label).left-out.safetensors" }

  /// Where the file is kept that a newer one replaced.
  static func previous(_ path: String) -> String {
    let suffix = ".safetensors"
    return (path.hasSuffix(suffix) ? String(path.dropLast(suffix.count)) : path) + ".previous" + suffix
  }

  /// Another name for the file that is about to be replaced; at every moment one of the two names
  /// has a whole file.
  private func keepPrevious(of path: String) {
    let previous = Self.previous(path)
    unlink(previous)
    link(path, previous)
  }

  /// Saves what a rule is; the optimizer first, so that weights are never newer than it.
  func save(parameters: [Float], state: RuleState, metadata: [String: String]) throws {
    try makeFolder()
    let counters = state.counters.mapValues { String($0) }
    var optimizer = SafetensorsWriter(metadata: metadata.merging(counters) { $1 })
    let names = state.vectors.keys.sorted()
    for name in names { try add(state.vectors[name] ?? [], prefix: name + ".", to: &optimizer) }
    // Only files that could be taken up: a damaged newest must not push the good one before it out.
    if canBeTakenUp(optimizerPath, names.map { $0 + "." }) { keepPrevious(of: optimizerPath) }
    if canBeTakenUp(weightsPath, [""]) { keepPrevious(of: weightsPath) }
    try optimizer.write(to: optimizerPath)
    try save(parameters, metadata: metadata)
  }

  private func canBeTakenUp(_ path: String, _ prefixes: [String]) -> Bool {
    guard let file = try? SafetensorsFile(path: path) else { return false }
    return prefixes.allSatisfy { (try? vector(file, prefix: $0)) != nil }
  }

  func save(_ rows: LeftOutRows) throws {
    try makeFolder()
    try rows.write(to: leftOutPath)
  }

  /// Saves weights alone.
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

  /// What was taken up.
  struct Loaded {
    var updates: UInt64
    /// Why it is the previous checkpoint, with what was wrong with the newest; nil if that was
    /// taken.
    var notice: String?
  }

  /// Loads optimizer and targets into `rule`; nil if there is no checkpoint. If the newest is
  /// damaged or missing, the one before it is taken.
  /// - Throws: `SafetensorsError` if there is no other, or if the files are of another network.
  func load(into rule: any LearningRule) throws -> Loaded? {
    let found = try newest(of: optimizerPath) { try load($0, into: rule) }
    return found.map { Loaded(updates: $0, notice: notice($1, optimizerPath, updates: $0)) }
  }

  /// The weights of the last checkpoint, nil if there is none. If the newest are damaged or missing,
  /// those before them are taken, with a notice.
  /// - Throws: `SafetensorsError` if there are no others, or if they are of another network.
  func weights() throws -> (values: [Float], updates: UInt64, notice: String?)? {
    let found = try newest(of: weightsPath) { path in
      let file = try SafetensorsFile(path: path)
      return (values: try vector(file, prefix: ""), updates: UInt64(try file.count("updates")))
    }
    return found.map { ($0.values, $0.updates, notice($1, weightsPath, updates: $0.updates)) }
  }

  /// What `read` gives of a file, or else of the one that it replaced, with what was wrong with it;
  /// nil if there is neither.
  private func newest<Contents>(
    of path: String, _ read: (String) throws -> Contents
  ) throws -> (Contents, problem: String?)? {
    let previous = Self.previous(path)
    let isThere = access(path, F_OK) == 0
    guard isThere || access(previous, F_OK) == 0 else { return nil }
    // A save leaves no moment without the newest: if it is missing, somebody took it away.
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
      "\($0); the checkpoint before it, \(Self.previous(path)), of \(updates) updates, is taken up"
    }
  }

  private func load(_ path: String, into rule: any LearningRule) throws -> UInt64 {
    let file = try SafetensorsFile(path: path)
    let names = type(of: rule).stateNames
    var state = RuleState()
    for name in names.vectors { state.vectors[name] = try vector(file, prefix: name + ".") }
    for name in names.counters { state.counters[name] = try file.count(name) }
    let updates = try file.count("updates")
    rule.restore(state)
    return UInt64(updates)
  }

  /// The mean return of the weights that are kept here; nil if there are none to be read.
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

/// What a learner goes on from.
struct ResumedLearner {
  var updates: UInt64 = 0
  var leftOut = LeftOutRows()
  /// After a divergence: where it begins instead of at the published weights.
  var lastGoodWeights: [Float]?
}

extension CheckpointFolder {
  /// Resumes from the checkpoint of an earlier incarnation; the weights themselves come from the
  /// parameter server.
  func resume(_ rule: any LearningRule, _ log: Log) throws -> ResumedLearner {
    var resumed = ResumedLearner()
    do {
      resumed.leftOut = try LeftOutRows(path: leftOutPath)
    } catch {
      log.warning("\(error); the rows that were left out have to be found anew")
    }
    if resumed.leftOut.isAfterDivergence { resumed.lastGoodWeights = lastGoodWeights(log) }
    if !resumed.leftOut.isEmpty {
      log.info("\(resumed.leftOut.count) rows whose loss or gradient was not finite are left out")
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
        log.warning("after the divergence there is no checkpoint: it begins from the published weights")
        return nil
      }
      if let notice = good.notice { log.warning(notice) }
      log.info("after the divergence it begins from the last good checkpoint, of \(good.updates) updates")
      return good.values
    } catch {
      log.warning("\(error); after the divergence it begins from the published weights")
      return nil
    }
  }
}
