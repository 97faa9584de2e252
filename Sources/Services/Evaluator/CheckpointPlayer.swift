// Plays greedy episodes with a checkpoint's weights.

internal import Algorithms
public import Configuration
internal import Environments
internal import Experience
internal import Foundations
internal import Numerics

/// Finished episodes; each array has one element for each of them.
public struct PlayedEpisodes: Sendable {
  /// Undiscounted sums of the rewards.
  public let returns: [Double]
  /// Actions taken.
  public let lengths: [Int]

  init(_ outcomes: [EpisodeOutcome]) {
    returns = outcomes.map(\.total)
    lengths = outcomes.map(\.length)
  }
}

/// A checkpoint's policy, which plays episodes of the configured environment.
public final class CheckpointPlayer {
  /// The checkpoint's metadata: `environment`, `algorithm`, `version`, `updates`, …
  public let metadata: [String: String]
  private let configuration: RunConfiguration
  private let environment: EnvironmentSpec
  private let policy: any Policy

  /// The most environments to step together: built-in ones, and those of Gymnasium.
  private static let environmentsMax = (native: 64, foreign: 16)

  /// - Parameter path: a safetensors file.
  /// - Throws: `SafetensorsError` or `CheckpointError` if the file does not fit the configuration;
  ///   `EnvironmentError` or `EnvironmentFailure`.
  public init(path: String, configuration: RunConfiguration) throws {
    let file = try SafetensorsFile(path: path)
    try Self.check(file, path: path, configuration: configuration)
    self.configuration = configuration
    metadata = file.metadata
    environment = try configuration.environmentSpec()
    let algorithm = configuration.algorithm(for: environment)
    let manifest = try algorithm.manifest()
    var values: [Float] = []
    for tensor in manifest.tensors { values += try file.finiteFloats(tensor.name, shape: tensor.shape) }
    if let more = file.entries.first(where: { entry in !manifest.tensors.contains { $0.name == entry.name } })
    {
      throw CheckpointError(
        path: path, problem: "tensor '\(more.name)': expected none of that name, found shape \(more.shape)")
    }
    policy = try algorithm.policy(batchMax: Self.environmentsMax.native)
    values.withUnsafeBufferPointer { [policy] in policy.importParameters(from: $0) }
  }

  /// Plays `episodes` greedy episodes. The same seed plays the same episodes.
  /// - Throws: `EnvironmentFailure`.
  public func play(episodes: Int, seed: UInt64) throws -> PlayedEpisodes {
    let most = configuration.isNative ? Self.environmentsMax.native : Self.environmentsMax.foreign
    let batch = try configuration.environments(
      environment, count: min(episodes, most), seed: Self.environmentSeed(seed))[0]
    return try play(in: batch, episodes: episodes)
  }

  /// Plays one greedy episode and writes its frames to `path` as a GIF. Gymnasium draws the frames,
  /// those of built-in environments too.
  ///
  /// - Throws: `EnvironmentFailure`; if Python, Gymnasium or Pillow is missing, it says what to
  ///   install.
  public func render(to path: String, seed: UInt64) throws -> PlayedEpisodes {
    var gymnasium = try configuration.gymnasium()
    gymnasium.renderPath = path
    let pool = try GymnasiumPool(gymnasium, spec: environment, count: 1, seed: Self.environmentSeed(seed))
    let played = try play(in: pool.batches()[0], episodes: 1)
    try pool.close()
    return played
  }

  private func play(in batch: any EnvironmentBatch, episodes: Int) throws -> PlayedEpisodes {
    let runner = EpisodeRunner(batch, frameStack: configuration.environment.frameStack)
    return PlayedEpisodes(try runner.play(policy, episodes: episodes, attend: { false }) ?? [])
  }

  private static func environmentSeed(_ seed: UInt64) -> UInt64 {
    var generator = SeededGenerator(seed: seed, part: "eval")
    return generator.next()
  }

  /// The checkpoint's metadata must match the configuration; files without metadata are accepted.
  private static func check(
    _ file: SafetensorsFile, path: String, configuration: RunConfiguration
  ) throws(CheckpointError) {
    if file.metadata.keys.contains(where: { $0.hasSuffix("_step") }) {
      throw CheckpointError(
        path: path,
        problem: "expected weights, found an optimizer's state; name the file without '.optimizer'")
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

/// A checkpoint that does not fit the configuration.
public struct CheckpointError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The checkpoint's file.
  public var path: String
  /// What was expected, and what was found.
  public var problem: String

  public var description: String { "\(path): \(problem)" }
}
