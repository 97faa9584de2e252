// `rookery eval`: how good a checkpoint is.

internal import Configuration
internal import Services

struct EvalCommand {
  private let path: CheckpointPath
  private let configuration: RunConfiguration
  private let episodes: Int
  private let seed: UInt64
  private let json: Bool

  init(_ list: [String]) throws {
    let arguments = try Arguments(list, valued: ["episodes", "seed", "config"], plain: ["json"])
    guard arguments.positional.count == 1 else {
      throw UsageError(
        "expected one checkpoint: rookery eval runs/NAME, or rookery eval FILE.safetensors [--config CONFIG.yaml]"
      )
    }
    path = try CheckpointPath(arguments.positional[0])
    guard let file = arguments.value("config") ?? path.configuration else {
      throw UsageError(
        "\(path.weights): expected the run's config.yaml in the folder above, which says the network, found none; "
          + "name it with --config CONFIG.yaml")
    }
    configuration = try EffectiveConfiguration(file: file).run
    episodes = try arguments.integer("episodes", in: 1...1_000_000) ?? 100
    seed = UInt64(try arguments.integer("seed", in: 0...Int.max) ?? 1)
    json = arguments.has("json")
  }

  func execute() throws -> ExitCode {
    let played = try CheckpointEvaluation(
      path: path.weights, configuration: configuration, episodes: episodes, seed: seed)
    let report = EvalReport(
      checkpoint: path.weights, configuration: configuration, played: played, seed: seed)
    print(json ? try JSON.line(report) : report.text, terminator: "")
    return .success
  }
}

/// What `rookery eval` prints.
struct EvalReport: Encodable {
  var checkpoint: String
  var environment: String
  var algorithm: String
  /// As the checkpoint says.
  var version: Int?
  var updates: Int?
  var episodes: Int
  var seed: UInt64
  var meanReturn: Double
  /// Of the population, as NumPy's `std`.
  var stdReturn: Double
  var minReturn: Double
  var maxReturn: Double
  var meanLength: Double
  var minLength: Int
  var maxLength: Int

  init(checkpoint: String, configuration: RunConfiguration, played: CheckpointEvaluation, seed: UInt64) {
    self.checkpoint = checkpoint
    environment = configuration.environment.id
    algorithm = configuration.algorithm.name.rawValue
    version = played.metadata["version"].flatMap { Int($0) }
    updates = played.metadata["updates"].flatMap { Int($0) }
    episodes = played.returns.count
    self.seed = seed
    let count = Double(max(1, episodes))
    let mean = played.returns.reduce(0, +) / count
    meanReturn = mean
    stdReturn = (played.returns.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count).squareRoot()
    minReturn = played.returns.min() ?? 0
    maxReturn = played.returns.max() ?? 0
    meanLength = Double(played.lengths.reduce(0, +)) / count
    minLength = played.lengths.min() ?? 0
    maxLength = played.lengths.max() ?? 0
  }

  var text: String {
    let origin = [
      version.map { "weights version \($0)" }, updates.map { "\(Format.count(Double($0))) updates" },
    ]
    .compactMap(\.self)
    let number = Format.number
    return """
      \(checkpoint): \(([environment, algorithm] + origin).joined(separator: ", "))
        episodes  \(episodes) greedy, seed \(seed)
        return    mean \(number(meanReturn)), std \(number(stdReturn)), \(number(minReturn)) to \(number(maxReturn))
        length    mean \(number(meanLength)), \(minLength) to \(maxLength)

      """
  }
}
