// Greedy episodes of a checkpoint.

internal import Algorithms
public import Configuration
internal import Environments
internal import Experience
internal import Foundations
internal import Numerics

/// The outcome of a checkpoint's greedy episodes.
public struct CheckpointEvaluation: Sendable {
  /// One for each episode.
  public let returns: [Double]
  /// Actions taken in each.
  public let lengths: [Int]
  /// What the checkpoint says of itself: `environment`, `algorithm`, `version`, `updates`, …
  public let metadata: [String: String]

  /// Environments that are stepped together.
  private static let environmentsMax = 64

  /// Plays `episodes` greedy episodes; the same seed plays the same ones.
  ///
  /// - Throws: `SafetensorsError` naming the tensor, what the configuration expects and what was found; `CheckpointError`.
  public init(path: String, configuration: RunConfiguration, episodes: Int, seed: UInt64) throws {
    let file = try SafetensorsFile(path: path)
    try Self.check(file, path: path, configuration: configuration)
    var generator = SeededGenerator(seed: seed, part: "eval")
    let count = min(episodes, Self.environmentsMax)
    let environments = try EnvironmentCatalog.make(
      configuration.environment.id, count: count, seed: generator.next())
    let spec = configuration.network(for: environments.spec)
    let manifest = try spec.manifest()
    var values: [Float] = []
    for tensor in manifest.tensors { values += try file.floats(tensor.name, shape: tensor.shape) }
    if let more = file.entries.first(where: { entry in !manifest.tensors.contains { $0.name == entry.name } })
    {
      throw CheckpointError(
        path: path, problem: "tensor '\(more.name)': expected none of that name, found shape \(more.shape)")
    }
    let policy = try QPolicy(spec: spec, batchMax: count)
    values.withUnsafeBufferPointer { policy.importParameters(from: $0) }
    let played = try EpisodeRunner(environments).play(policy, episodes: episodes)
    returns = played.map(\.total)
    lengths = played.map(\.length)
    metadata = file.metadata
  }

  /// What the checkpoint says of itself must be what it is played as; a file without a word of it is taken.
  private static func check(
    _ file: SafetensorsFile, path: String, configuration: RunConfiguration
  ) throws(CheckpointError) {
    if file.entries.contains(where: { $0.name.hasPrefix("adam.") }) {
      throw CheckpointError(
        path: path,
        problem: "expected weights, found an optimizer's state; the weights are in the file beside it")
    }
    let expected = [
      ("environment", configuration.environment.id), ("algorithm", configuration.algorithm.name.rawValue),
    ]
    for (key, value) in expected {
      guard let found = file.metadata[key], found != value else { continue }
      throw CheckpointError(
        path: path, problem: "\(key): expected \(value), as the configuration says, found \(found)")
    }
  }
}

/// A checkpoint that cannot be played.
public struct CheckpointError: Error, Hashable, Sendable, CustomStringConvertible {
  public var path: String
  public var problem: String

  public var description: String { "\(path): \(problem)" }
}
