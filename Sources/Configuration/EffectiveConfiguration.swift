// A run's configuration with the source of each value.

/// Defaults ← file ← `ROOKERY_…` variables ← `--set key=value`, checked as a whole.
public struct EffectiveConfiguration: Hashable, Sendable {
  /// The checked values.
  public let run: RunConfiguration
  /// Every key in its order.
  public let entries: [ConfigurationEntry]

  /// Reads and checks all layers.
  ///
  /// - Parameters:
  ///   - file: path of the run's YAML file; nil for defaults only.
  ///   - variables: environment variables of the process; those that name no key are ignored.
  ///   - settings: `key=value` each; later ones win.
  /// - Throws: `ConfigurationError` with every problem found.
  public init(
    file: String?, variables: [String: String] = [:], settings: [String] = []
  ) throws(ConfigurationError) {
    let document = if let file { try YAMLDocument(contentsOf: file) } else { YAMLDocument?.none }
    try self.init(document: document, file: file, variables: variables, settings: settings)
  }

  /// Reads a file's text in place of the file; `file` names it in messages.
  public init(
    text: String, file: String, variables: [String: String] = [:], settings: [String] = []
  ) throws(ConfigurationError) {
    let document = try YAMLDocument(text, file: file)
    try self.init(document: document, file: file, variables: variables, settings: settings)
  }

  private init(
    document: YAMLDocument?, file: String?, variables: [String: String], settings: [String]
  ) throws(ConfigurationError) {
    var layers = ConfigurationLayers()
    if let document { layers.add(document) }
    layers.add(variables: variables)
    for argument in settings { layers.add(argument: argument) }
    var run = RunConfiguration()
    let nameFromFile = file.flatMap(RunConfiguration.name(ofFile:))
    if let nameFromFile { run.name = nameFromFile }
    var reader = ConfigurationReader(layers)
    run.read(&reader)
    if let file, nameFromFile != nil { reader.setSource(of: "name", .fileName(file)) }
    reader.refuseUnknownKeys()
    Self.refuseMistakenVariables(variables, &reader)
    Self.refuseConflicts(of: run, &reader)
    guard reader.problems.isEmpty else { throw ConfigurationError(reader.problems) }
    self.run = run
    entries = reader.entries
  }

  /// Refuses variables with one underscore where a key needs two: they would silently set nothing.
  private static func refuseMistakenVariables(
    _ variables: [String: String], _ reader: inout ConfigurationReader
  ) {
    for entry in reader.entries where entry.key.contains(".") {
      let meant = ConfigurationLayers.variable(for: entry.key)
      let mistaken = entry.key.replacing(".", with: "_").uppercased()
      let name = "ROOKERY_" + mistaken
      guard let value = variables[name], !value.isEmpty else { continue }
      reader.report(
        ConfigurationProblem(
          place: name, key: entry.key, expected: "\(meant), with two underscores between levels", found: name,
          advice: "rename it"))
    }
  }

  /// Whether a layer set the environment's id, its observations' shape or its number of actions.
  public var namesEnvironment: Bool {
    let keys: Set = ["environment.id", "environment.observation.shape", "environment.actions"]
    return entries.contains { keys.contains($0.key) && $0.source != .standard }
  }

  /// This configuration with another `environment` section; every source stays.
  public func replacing(environment: EnvironmentConfiguration) -> EffectiveConfiguration {
    var run = run
    run.environment = environment
    let sources = Dictionary(entries.map { ($0.key, $0.source) }) { first, _ in first }
    let entries = run.entries.map { entry in
      ConfigurationEntry(key: entry.key, value: entry.value, source: sources[entry.key] ?? .standard)
    }
    return EffectiveConfiguration(run: run, entries: entries)
  }

  private init(run: RunConfiguration, entries: [ConfigurationEntry]) {
    self.run = run
    self.entries = entries
  }

  /// Reports each conflict at the first of its keys that a layer set. A conflict with a refused key
  /// is left out.
  private static func refuseConflicts(of run: RunConfiguration, _ reader: inout ConfigurationReader) {
    for conflict in run.conflicts where !conflict.keys.contains(where: reader.isRefused) {
      let source = conflict.keys.map { reader.source(of: $0) }.first { $0 != .standard } ?? .standard
      reader.report(
        ConfigurationProblem(
          place: source.place, key: conflict.keys[0], expected: conflict.expected, found: conflict.found,
          advice: conflict.advice))
    }
  }

  /// Refuses a replay that does not fit the machine's memory.
  ///
  /// - Parameters:
  ///   - memoryBytes: estimated bytes of one shard.
  ///   - shards: shards that start on this machine.
  ///   - available: bytes of memory that this machine has available.
  /// - Throws: `ConfigurationError` at `replay.capacity`, with a capacity that fits.
  public func check(memoryBytes: Int, shards: Int = 1, available: Int) throws(ConfigurationError) {
    let (product, overflow) = memoryBytes.multipliedReportingOverflow(by: shards)
    let all = overflow ? Int.max : product
    guard all > available else { return }
    let key = "replay.capacity"
    let source = entries.first { $0.key == key }?.source ?? .standard
    let fraction = Double(available) / Double(all)
    let fitting = Int(Double(run.replay.capacity) * fraction * 0.9)
    let steps = "\(run.replay.capacity) steps"
    throw ConfigurationError(
      ConfigurationProblem(
        place: source.place, key: key,
        expected: "at most \(ByteCount(available)) of memory, which this machine has available",
        found: "\(shards > 1 ? "\(steps) in each of \(shards) shards" : steps) = \(ByteCount(all))",
        advice:
          "lower it to \(fitting) or less, or use \(shards > 1 ? "fewer shards, or " : "")a machine with more memory"
      ))
  }
}
