// Checks whether a run can be resumed from its folder.

internal import Algorithms
public import Configuration
internal import Environments
internal import Experience
internal import Foundations
internal import Glibc
internal import Numerics

/// The saved weights and checkpoints of a run, fully read and checked against the configuration
/// that is to resume it.
public struct KeptRun: Sendable {
  /// The saved weights' version; 0 if none were saved.
  public let version: UInt64
  /// Updates in the saved weights.
  public let updates: UInt64
  /// Problems with files that do not prevent resuming, for the user.
  public let notices: [String]

  /// - Parameter directory: the run's folder.
  /// - Throws: `ParameterStoreError` or `KeptRunError` naming the file, what was expected, what was
  ///   found, and what to do.
  public init(directory: String, configuration: RunConfiguration) throws {
    let algorithm = configuration.algorithm(for: try configuration.environmentSpec())
    let manifest = try algorithm.manifest()
    let (state, notice) = try Self.parameters(directory + "/parameters.rookery", manifest)
    let rule = try algorithm.rule(batchMax: 1)
    var notices: [String] = []
    for number in 1...max(1, configuration.learner.replicas) {
      let checkpoint = CheckpointFolder(
        path: directory + "/checkpoints", label: "learner-\(number)", manifest: manifest)
      notices += try Self.lastGoodWeights(checkpoint)
      do {
        guard let loaded = try checkpoint.load(into: rule) else { continue }
        if let notice = loaded.notice { notices.append(notice) }
        guard state == nil else { continue }
      } catch {
        throw KeptRunError(
          description: "\(error); move the file away to resume with a new optimizer, or start a new run")
      }
      throw KeptRunError(
        description:
          "\(directory)/parameters.rookery: expected the weights that \(checkpoint.optimizerPath) belongs to, "
          + "found \(notice == nil ? "no file" : "an empty file"); \(Self.advice)")
    }
    if let notice { notices.insert(notice, at: 0) }
    let merger = Aggregation(configuration.aggregation, algorithm.descent)
      .merger(parameters: manifest.elementCount, incarnation: .zero)
    if let notice = state.flatMap({ merger.notice(for: $0) }) { notices.append(notice) }
    self.notices = notices
    version = state?.version ?? 0
    updates = state?.updates ?? 0
  }

  /// An optimizer's state and targets are useless without their weights.
  private static let advice =
    "restore that file from a backup, or start a new run: the learned weights stay in checkpoints/, "
    + "for `rookery eval`"

  /// Checks the weights that a learner resumes from after a divergence. Returns notices for the
  /// user.
  private static func lastGoodWeights(_ checkpoint: CheckpointFolder) throws -> [String] {
    do {
      guard try LeftOutRows(path: checkpoint.leftOutPath).isAfterDivergence else { return [] }
    } catch {
      return ["\(error); the learner has to find the rows to leave out of training again"]
    }
    do {
      return try checkpoint.weights()?.notice.map { [$0] } ?? []
    } catch {
      throw KeptRunError(
        description:
          "\(error); the run diverged, and these are its last good weights: move the file away to resume "
          + "from the published weights, or start a new run")
    }
  }

  private static func parameters(
    _ path: String, _ manifest: WeightsManifest
  ) throws -> (state: ParameterState?, notice: String?) {
    guard access(path, F_OK) == 0 else { return (nil, nil) }
    let store = try FileParameterStore(path: path)
    let found: ParameterState?
    do {
      found = try store.load()
    } catch {
      throw KeptRunError(description: "\(error.path): \(error.problem); \(advice)")
    }
    guard let state = found else { return (nil, store.notice) }
    if let index = state.values.withUnsafeBytes({ Finite.firstException($0) }) {
      let (tensor, element) = manifest.location(of: index)
      throw KeptRunError(
        description: "\(path): tensor '\(tensor)', element \(element): expected a finite number, found "
          + "\(state.values[index]); these weights cannot be used; start a new run")
    }
    if let problem = manifest.mismatch(with: state.manifest) {
      throw KeptRunError(
        description: "\(path): \(problem): these weights are of another network than the configuration's; "
          + "set environment and algorithm as they were, or start a new run")
    }
    return (state, store.notice)
  }
}

extension WeightsManifest {
  /// The tensor of a flat index, and the index within it.
  fileprivate func location(of index: Int) -> (tensor: String, element: Int) {
    var rest = index
    for tensor in tensors {
      if rest < tensor.elementCount { return (tensor.name, rest) }
      rest -= tensor.elementCount
    }
    return ("", rest)
  }
}

/// The reason that a run cannot be resumed: the file, what was expected and found, what to do.
public struct KeptRunError: Error, Hashable, Sendable, CustomStringConvertible {
  public var description: String
}
