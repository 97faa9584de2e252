// Checks a configuration against the environment, the network and the machine's memory.

internal import Algorithms
public import Configuration
internal import Environments
internal import Experience
internal import Numerics
internal import ReplayStore

extension EffectiveConfiguration {
  /// Adds the environment's shape, type and actions, so that no other process of the run has to ask
  /// Python. It takes half a second for a Gymnasium environment, nothing for a built-in one.
  ///
  /// - Throws: `ConfigurationError` that names the key to change.
  public func withEnvironmentFacts() throws(ConfigurationError) -> EffectiveConfiguration {
    let spec: EnvironmentSpec
    do {
      guard !run.isNative else { return self }
      spec = try run.gymnasium().askSpec()
    } catch let failure as EnvironmentFailure {
      throw problem(failure)
    } catch {
      throw problem("environment.id", expected: "an environment", found: "'\(run.environment.id)' (\(error))")
    }
    var environment = run.environment
    let isAsked = environment.observationShape.isEmpty && environment.actions == 0
    environment.observationShape = spec.observationShape
    environment.observationType = spec.observationType
    if let count = spec.actions.discreteCount { environment.actions = count }
    guard isAsked || environment == run.environment else {
      throw problem(
        "environment.observation.shape", expected: "the shape that \(spec.id) has, or no key",
        found:
          "\(run.environment.observationShape) of \(run.environment.observationType), \(run.environment.actions) actions",
        advice:
          "it has \(spec.observationShape) of \(environment.observationType), \(environment.actions) actions; remove the keys"
      )
    }
    return replacing(environment: environment)
  }

  /// Refuses an impossible environment or network and a replay larger than the memory, before any
  /// process is started.
  ///
  /// - Parameters:
  ///   - shards: replay processes on this machine.
  ///   - availableBytes: the machine's free memory.
  /// - Throws: `ConfigurationError` that names the key to change.
  public func checkServices(shards: Int = 1, availableBytes: Int) throws(ConfigurationError) {
    let spec: EnvironmentSpec
    do {
      spec = try run.environmentSpec()
    } catch let failure as EnvironmentFailure {
      throw problem(failure)
    } catch {
      throw unknownEnvironment()
    }
    let schema = run.stepSchema(of: spec)
    do {
      let bytes = spec.observationByteCount * run.environment.frameStack
      let algorithm = run.algorithm(for: spec)
      if let problem = algorithm.problem(
        observationBytes: bytes, spec.observationType, actions: spec.actions)
      {
        throw NetworkMismatch(description: problem)
      }
    } catch {
      throw problem(
        "algorithm.network", expected: "a network for observations \(spec.observationShape) of \(spec.id)",
        found: "\(run.algorithm.network) (\(error))", advice: "mlp takes any shape")
    }
    let needed: Int
    do {
      let storage: StorageKind =
        switch run.replay.storage {
        case .memory: .memory
        case .file: .file(path: "")
        }
      needed = try ReplayStore.byteCount(configuration: run.replayStore, schema: schema).split(by: storage)
        .memory
    } catch {
      throw problem(
        "replay.capacity", expected: "a capacity that can be allocated",
        found: "\(run.replay.capacity) steps (\(error))")
    }
    try check(memoryBytes: needed, shards: shards, available: availableBytes)
  }

  /// No built-in environment has this id.
  private func unknownEnvironment() -> ConfigurationError {
    let known = EnvironmentCatalog.allCases.map(\.rawValue)
    let nearest = Suggestion.nearest(to: run.environment.id, among: known)
    return problem(
      "environment.id", expected: "one of \(known.joined(separator: ", "))", found: "'\(run.environment.id)'",
      advice: nearest.map { "did you mean '\($0)'?" } ?? "environment.backend: gymnasium has others")
  }

  private func problem(_ failure: EnvironmentFailure) -> ConfigurationError {
    let detail = failure.text + failure.traceback.map { "\n  | \($0)" }.joined()
    switch failure.kind {
    case .simulator, .ended:
      return problem(
        "environment.python", expected: "a Python with Gymnasium for \(run.environment.id)", found: detail,
        advice: advice(beside: failure))
    case .environment:
      return problem(
        "environment.id", expected: "an environment that Gymnasium has, or one of \(builtIn)",
        found: "'\(run.environment.id)': \(detail)", advice: advice(beside: failure))
    case .arguments:
      return problem(
        "environment.arguments", expected: "arguments that \(run.environment.id) takes", found: detail)
    case .space, .raised, .value:
      return problem("environment.id", expected: "an environment that can be used", found: detail)
    case .hung:
      return problem("environment.id", expected: "an environment that can be made", found: detail)
    }
  }

  private var builtIn: String { EnvironmentCatalog.allCases.map(\.rawValue).joined(separator: ", ") }

  /// Suggests a built-in environment: a user who mistyped its id need not install anything.
  private func advice(beside failure: EnvironmentFailure) -> String {
    let known = EnvironmentCatalog.allCases.map(\.rawValue)
    guard let nearest = Suggestion.nearest(to: run.environment.id, among: known),
      nearest != run.environment.id
    else { return "" }
    return "did you mean '\(nearest)', which is built in?"
  }

  private func problem(
    _ key: String, expected: String, found: String, advice: String = ""
  ) -> ConfigurationError {
    let source = entries.first { $0.key == key }?.source ?? .standard
    return ConfigurationError(
      ConfigurationProblem(place: source.place, key: key, expected: expected, found: found, advice: advice))
  }
}

/// The network does not fit the environment's observations or actions.
private struct NetworkMismatch: Error, CustomStringConvertible {
  var description: String
}
