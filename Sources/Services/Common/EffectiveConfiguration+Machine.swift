// What only the services know to be impossible.

public import Configuration
internal import Environments
internal import Experience
internal import Numerics
internal import ReplayStore

extension EffectiveConfiguration {
  /// Refuses an environment that nobody knows and a replay that does not fit, before anything is started.
  ///
  /// - Parameter availableBytes: memory that this machine has left.
  public func checkServices(availableBytes: Int) throws(ConfigurationError) {
    let spec = try environmentSpec()
    let schema = StepSchema.discrete(observation: spec.observationShape, dtype: spec.observationType)
    do {
      _ = try run.network(for: spec).parameters()
    } catch {
      throw problem(
        "algorithm.network", expected: "a network for observations \(spec.observationShape) of \(spec.id)",
        found: "\(run.algorithm.network) (\(error))", advice: "mlp takes any shape")
    }
    let needed: Int
    do {
      needed = try ReplayStore.byteCount(configuration: run.replayStore, schema: schema).total
    } catch {
      throw problem(
        "replay.capacity", expected: "a replay that can be made",
        found: "\(run.replay.capacity) steps (\(error))")
    }
    try check(memoryBytes: needed, available: availableBytes)
  }

  private func environmentSpec() throws(ConfigurationError) -> EnvironmentSpec {
    let known = EnvironmentCatalog.allCases.map(\.rawValue)
    let id = run.environment.id
    guard let environment = EnvironmentCatalog(rawValue: id) else {
      throw problem(
        "environment.id", expected: "one of \(known.joined(separator: ", "))", found: "'\(id)'",
        advice: Suggestion.nearest(to: id, among: known).map { "did you mean '\($0)'?" } ?? "")
    }
    return environment.spec
  }

  private func problem(
    _ key: String, expected: String, found: String, advice: String = ""
  ) -> ConfigurationError {
    let source = entries.first { $0.key == key }?.source ?? .standard
    return ConfigurationError(
      ConfigurationProblem(place: source.place, key: key, expected: expected, found: found, advice: advice))
  }
}
