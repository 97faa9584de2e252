// Makes the run's environments.

internal import Algorithms
public import Configuration
public import Environments
internal import Experience
internal import Foundations
internal import Glibc

extension RunConfiguration {
  /// Shape, type and actions of the environment, from the catalog or the configuration. If neither
  /// has them, Python makes an environment and reports them.
  ///
  /// - Throws: `EnvironmentError` for an unknown built-in id; `EnvironmentFailure` of Python.
  public func environmentSpec() throws -> EnvironmentSpec {
    if let native = try nativeEnvironment() { return native.spec }
    guard !environment.observationShape.isEmpty, environment.actions > 0 else {
      return try gymnasium().askSpec()
    }
    return EnvironmentSpec(
      id: environment.id, observationShape: environment.observationShape,
      observationType: environment.observationType,
      actions: .discrete(environment.actions))
  }

  /// A batch of `count` environments, or two halves of it that take turns.
  ///
  /// - Parameters:
  ///   - spec: the result of `environmentSpec`.
  ///   - inTurn: whether two halves are of use, because the caller works while one is stepped.
  ///   - workers: Python processes; nil for `environment.workers`.
  func environments(
    _ spec: EnvironmentSpec, count: Int, seed: UInt64, inTurn: Bool = false, workers: Int? = nil
  ) throws -> [any EnvironmentBatch] {
    let batches = try undelayedEnvironments(spec, count: count, seed: seed, inTurn: inTurn, workers: workers)
    guard environment.stepDelayMilliseconds > 0 else { return batches }
    return batches.map { DelayedBatch($0, delay: .milliseconds(environment.stepDelayMilliseconds)) }
  }

  private func undelayedEnvironments(
    _ spec: EnvironmentSpec, count: Int, seed: UInt64, inTurn: Bool, workers: Int?
  ) throws -> [any EnvironmentBatch] {
    if let native = try nativeEnvironment() { return [try native.make(count: count, seed: seed)] }
    var gymnasium = try gymnasium()
    gymnasium.workers = workers ?? environment.workers
    return try GymnasiumPool(
      gymnasium, spec: spec, count: count, halves: inTurn ? 2 : 1, seed: seed
    ).batches()
  }

  /// Whether this process simulates the environment (a step costs nanoseconds), or Python does.
  var isNative: Bool { environment.backend == .native || (try? nativeEnvironment()) != nil }

  /// The built-in environment if the run uses one, else nil.
  private func nativeEnvironment() throws -> EnvironmentCatalog? {
    switch environment.backend {
    case .native: try EnvironmentCatalog(id: environment.id)
    case .auto: environment.arguments.isEmpty ? EnvironmentCatalog(rawValue: environment.id) : nil
    case .gymnasium: nil
    }
  }

  /// How to make the environment with Gymnasium.
  public func gymnasium() throws -> GymnasiumConfiguration {
    var configuration = GymnasiumConfiguration(id: environment.id)
    configuration.arguments = environment.argumentsJSON
    configuration.python = environment.interpreter(
      variable: getenv("ROOKERY_PYTHON").map { String(cString: $0) })
    configuration.timeout = .seconds(environment.timeoutSeconds)
    // Parallelism comes from the number of workers: each of them computes on one thread.
    let threads = ["OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"]
    configuration.variables = threads.merging(ProcessVariables.current()) { $1 }
    configuration.variables?["ROOKERY_SERVICE"] = "worker"
    return configuration
  }
}

extension EnvironmentConfiguration {
  /// The arguments as one JSON object; `a.b` becomes a nested object.
  var argumentsJSON: String {
    Self.object(arguments.map { ($0.name.split(separator: ".")[...], $0.value) })
  }

  private static func object(_ entries: [(path: ArraySlice<Substring>, value: String)]) -> String {
    var fields: [String] = []
    var done: Set<Substring> = []
    for (path, value) in entries {
      guard let name = path.first, done.insert(name).inserted else { continue }
      let inner = entries.filter { $0.path.first == name && $0.path.count > 1 }
      let json = inner.isEmpty ? value : object(inner.map { ($0.path.dropFirst(), $0.value) })
      fields.append("\"\(name)\":\(json)")
    }
    return "{" + fields.joined(separator: ",") + "}"
  }

  /// The Python interpreter: `variable` (ROOKERY_PYTHON), else the configured one, else
  /// `.venv/bin/python` of the working folder, else `python3`.
  func interpreter(variable: String?) -> String {
    if let variable, !variable.isEmpty { return variable }
    if !python.isEmpty { return python }
    let local = ".venv/bin/python"
    return access(local, X_OK) == 0 ? local : "python3"
  }
}
