// A learner's checkpoints.

internal import Algorithms
internal import Configuration
internal import Experience
internal import Foundations
internal import Glibc
internal import Numerics

/// Two files a learner: `learner-1.safetensors` holds the weights under PyTorch's names (`load_state_dict` takes them), and
/// `learner-1.optimizer.safetensors` Adam's moments and the target network. Each replaces its predecessor whole.
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
    for (prefix, vector) in [("adam.m.", first), ("adam.v.", second), ("target.", target)] {
      try add(vector, prefix: prefix, to: &optimizer)
    }
    try optimizer.write(to: optimizerPath)
    try save(online, metadata: metadata)
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

  /// Loads optimizer and target network into `learner` and returns the metadata; nil if there is no checkpoint.
  /// - Throws: `SafetensorsError` if the files are damaged or of another network.
  func load(into learner: DQNLearner) throws -> [String: String]? {
    guard access(optimizerPath, F_OK) == 0 else { return nil }
    let file = try SafetensorsFile(path: optimizerPath)
    let firstMoment = try vector(file, prefix: "adam.m.")
    let secondMoment = try vector(file, prefix: "adam.v.")
    let target = try vector(file, prefix: "target.")
    let step = Int(file.metadata["adam_step"] ?? "") ?? 0
    firstMoment.withUnsafeBufferPointer { first in
      secondMoment.withUnsafeBufferPointer {
        learner.importOptimizer(firstMoment: first, secondMoment: $0, step: step)
      }
    }
    target.withUnsafeBufferPointer { learner.importTarget(from: $0) }
    return file.metadata
  }

  /// The mean return of the weights that are kept here; nil if there are none to be read.
  var meanReturn: Double? {
    (try? SafetensorsFile(path: weightsPath))?.metadata["mean_return"].flatMap(Double.init)
  }

  private func vector(_ file: SafetensorsFile, prefix: String) throws -> [Float] {
    var values: [Float] = []
    values.reserveCapacity(manifest.elementCount)
    for tensor in manifest.tensors { values += try file.floats(prefix + tensor.name, shape: tensor.shape) }
    return values
  }
}

extension LearnerService {
  /// Takes up the checkpoint of an earlier life; the weights themselves come from the parameter server.
  func resume() throws {
    guard let metadata = try checkpoints?.load(into: dqn) else { return }
    statistics.updates = UInt64(metadata["updates"] ?? "") ?? 0
    log.info("resumed after \(statistics.updates) updates from \(checkpoints?.path ?? "")")
  }

  /// Saves unless there is nothing new or nothing good; a failure is logged and counted, training goes on.
  func saveCheckpoint() {
    guard let checkpoints, !statistics.hasDiverged, statistics.updates > statistics.updatesSaved,
      member.hasWeights
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
