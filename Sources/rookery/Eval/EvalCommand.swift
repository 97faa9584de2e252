// `rookery eval`: measures a checkpoint with greedy episodes.

internal import Console
internal import Configuration
internal import Glibc
internal import Services

struct EvalCommand {
  private let path: CheckpointPath
  private let configuration: RunConfiguration
  private let episodes: Int
  private let seed: UInt64
  private let json: Bool
  /// The file for a film of one episode; nil for none.
  private let film: String?

  init(_ list: [String]) throws {
    let arguments = try Arguments(list, valued: ["episodes", "seed", "config", "render"], plain: ["json"])
    guard arguments.positional.count == 1 else {
      throw UsageError(
        "expected one checkpoint: rookery eval runs/NAME, or rookery eval FILE.safetensors [--config CONFIG.yaml]"
      )
    }
    path = try CheckpointPath(arguments.positional[0])
    guard let file = arguments.value("config") ?? path.configuration else {
      throw UsageError(
        "\(path.weights): expected the run's config.yaml, which describes the network, in the folder above, found none; "
          + "name one with --config CONFIG.yaml")
    }
    configuration = try EffectiveConfiguration(file: file).run
    episodes = try arguments.integer("episodes", in: 1...1_000_000) ?? 100
    seed = UInt64(try arguments.integer("seed", in: 0...Int.max) ?? 1)
    json = arguments.has("json")
    film = arguments.value("render")
    if let film { try Self.check(film: film) }
  }

  private static func check(film: String) throws(UsageError) {
    guard film.hasSuffix(".gif") else {
      throw UsageError("--render: expected a name that ends in .gif, found '\(film)'")
    }
    let folder = film.lastIndex(of: "/").map { film[...$0] } ?? "."
    guard access(String(folder), W_OK) == 0 else {
      throw UsageError("--render: expected a folder that can be written, found '\(folder)'")
    }
  }

  func execute() throws -> ExitCode {
    let player = try CheckpointPlayer(path: path.weights, configuration: configuration)
    var report = EvalReport(
      checkpoint: path.weights, configuration: configuration, metadata: player.metadata,
      played: try player.play(episodes: episodes, seed: seed), seed: seed)
    if let film {
      report.film = film
      report.filmReturn = try player.render(to: film, seed: seed).returns[0]
    }
    print(json ? try JSON.line(report) : report.text, terminator: "")
    return .success
  }
}

/// The result that `rookery eval` prints.
struct EvalReport: Encodable {
  var checkpoint: String
  var environment: String
  var algorithm: String
  /// From the checkpoint's metadata; nil if it has none.
  var version: Int?
  var updates: Int?
  var episodes: Int
  var seed: UInt64
  var meanReturn: Double
  /// Standard deviation of the population, as NumPy's `std`.
  var stdReturn: Double
  var minReturn: Double
  var maxReturn: Double
  var meanLength: Double
  var minLength: Int
  var maxLength: Int
  var film: String?
  /// Return of the filmed episode, which is not one of `episodes`.
  var filmReturn: Double?

  init(
    checkpoint: String, configuration: RunConfiguration, metadata: [String: String], played: PlayedEpisodes,
    seed: UInt64
  ) {
    self.checkpoint = checkpoint
    environment = configuration.environment.id
    algorithm = configuration.algorithm.name.rawValue
    version = metadata["version"].flatMap { Int($0) }
    updates = metadata["updates"].flatMap { Int($0) }
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

      """ + (film.map { "  film      \($0), one more episode, return \(number(filmReturn ?? 0))\n" } ?? "")
  }
}
