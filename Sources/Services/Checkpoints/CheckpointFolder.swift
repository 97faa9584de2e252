// A learner's checkpoints.

internal import Algorithms
internal import Configuration
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

  /// Of what an optimizer's file holds a vector of each.
  private static let optimizerPrefixes = ["adam.m.", "adam.v.", "target."]

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

  /// Saves what `learner` is; the optimizer first, so that weights are never newer than it.
  func save(_ learner: DQNLearner, metadata: [String: String]) throws {
    let count = learner.parameterCount
    var (first, second) = ([Float](repeating: 0, count: count), [Float](repeating: 0, count: count))
    first.withUnsafeMutableBufferPointer { first in
      second.withUnsafeMutableBufferPointer { learner.exportOptimizer(firstMoment: first, secondMoment: $0) }
    }
    var target = [Float](repeating: 0, count: count)
    target.withUnsafeMutableBufferPointer { learner.exportTarget(to: $0) }
    var online = [Float](repeating: 0, count: count)
    online.withUnsafeMutableBufferPointer { learner.exportParameters(to: $0) }
    try makeFolder()
    var optimizer = SafetensorsWriter(metadata: metadata)
    for (prefix, vector) in zip(Self.optimizerPrefixes, [first, second, target]) {
      try add(vector, prefix: prefix, to: &optimizer)
    }
    // Only files that could be taken up: a damaged newest must not push the good one before it out.
    if canBeTakenUp(optimizerPath, Self.optimizerPrefixes) { keepPrevious(of: optimizerPath) }
    if canBeTakenUp(weightsPath, [""]) { keepPrevious(of: weightsPath) }
    try optimizer.write(to: optimizerPath)
    try save(online, metadata: metadata)
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

  /// Loads optimizer and target network into `learner`; nil if there is no checkpoint. If the
  /// newest is damaged or missing, the one before it is taken.
  /// - Throws: `SafetensorsError` if there is no other, or if the files are of another network.
  func load(into learner: DQNLearner) throws -> Loaded? {
    let found = try newest(of: optimizerPath) { try load($0, into: learner) }
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

  private func load(_ path: String, into learner: DQNLearner) throws -> UInt64 {
    let file = try SafetensorsFile(path: path)
    let vectors = try Self.optimizerPrefixes.map { try vector(file, prefix: $0) }
    let (firstMoment, secondMoment, target) = (vectors[0], vectors[1], vectors[2])
    let (step, updates) = (try file.count("adam_step"), try file.count("updates"))
    firstMoment.withUnsafeBufferPointer { first in
      secondMoment.withUnsafeBufferPointer {
        learner.importOptimizer(firstMoment: first, secondMoment: $0, step: step)
      }
    }
    target.withUnsafeBufferPointer { learner.importTarget(from: $0) }
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

extension LearnerService {
  /// Takes up the checkpoint of an earlier life; the weights themselves come from the parameter server.
  func resume() throws {
    guard let checkpoints else { return }
    takeUpLeftOutRows(checkpoints)
    guard let loaded = try checkpoints.load(into: dqn) else { return }
    if let notice = loaded.notice { log.warning(notice) }
    statistics.updates = loaded.updates
    log.info("resumed after \(statistics.updates) updates from \(checkpoints.path)")
  }

  /// Which rows an earlier life left out; after a divergence the weights of its last good
  /// checkpoint too.
  private func takeUpLeftOutRows(_ checkpoints: CheckpointFolder) {
    do {
      leftOut = try LeftOutRows(path: checkpoints.leftOutPath)
    } catch {
      log.warning("\(error); the rows that were left out have to be found anew")
    }
    if leftOut.isAfterDivergence {
      judge = BatchJudge(isOnLastGoodWeights: true)
      takeUpLastGoodWeights(checkpoints)
    }
    guard !leftOut.isEmpty else { return }
    log.info("\(leftOut.count) rows whose loss or gradient was not finite are left out")
  }

  private func takeUpLastGoodWeights(_ checkpoints: CheckpointFolder) {
    do {
      guard let good = try checkpoints.weights() else {
        return log.warning(
          "after the divergence there is no checkpoint: it begins from the published weights")
      }
      if let notice = good.notice { log.warning(notice) }
      lastGoodWeights = good.values
      log.info("after the divergence it begins from the last good checkpoint, of \(good.updates) updates")
    } catch {
      log.warning("\(error); after the divergence it begins from the published weights")
    }
  }

  func saveLeftOutRows() {
    guard let checkpoints, hasNewLeftOut else { return }
    do {
      try checkpoints.save(leftOut)
      hasNewLeftOut = false
    } catch {
      statistics.checkpointFailures += 1
      log.error("\(checkpoints.leftOutPath): \(error)")
    }
  }

  /// Saves unless there is nothing new or nothing good; a failure is logged and counted, training goes on.
  func saveCheckpoint() {
    saveLeftOutRows()
    // In the middle of batches that are not finite the weights may be on their way out.
    guard let checkpoints, !statistics.hasDiverged, judge.inARow == 0,
      statistics.updates > statistics.updatesSaved, member.hasWeights
    else { return }
    do {
      try checkpoints.save(
        dqn,
        metadata: [
          "updates": String(statistics.updates), "adam_step": String(dqn.optimizerStep),
          "version": String(member.version), "environment": configuration.environment.id,
          "algorithm": configuration.algorithm.name.rawValue,
        ])
      statistics.updatesSaved = statistics.updates
    } catch {
      statistics.checkpointFailures += 1
      log.error("checkpoint: \(error)")
    }
  }
}
