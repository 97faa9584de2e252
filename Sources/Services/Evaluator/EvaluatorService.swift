// The evaluator process: plays greedy episodes with the newest weights.

internal import Algorithms
public import Configuration
internal import Environments
internal import Experience
internal import Foundations
internal import Transport
internal import Wire

/// Plays `episodes` greedy episodes with the newest weights, at most once in an interval. If their
/// mean return reaches the threshold, the same weights play new episodes to confirm it. The means
/// are the run's learning curve; a confirmation is its stop criterion.
public final class EvaluatorService {
  private let configuration: RunConfiguration
  private let parameters: DealerLink
  private let weights: WeightsLink
  private let policy: any Policy
  private let regular: EpisodeRunner
  private let confirming: EpisodeRunner
  private var reporter: TelemetryReporter
  private let signals: SignalDescriptor
  private var isStopping = false
  private var nextPoll = Instant.zero
  private var recovery = EnvironmentRecovery()
  private let log: Log
  private let scratch = FrameWriter()
  private var version: UInt64?
  private var updates: UInt64 = 0
  private var isFresh = false
  private var nextEvaluation: Instant
  private var evaluations: UInt64 = 0
  private var episodes: UInt64 = 0
  private var weightsRefused: UInt64 = 0
  private var saveFailures: UInt64 = 0
  private var bestReturn = -Double.infinity
  private let folder: String?
  private let token: Identifier?
  private let manifest: WeightsManifest
  /// The adopted weights, in the manifest's order.
  private var values: [Float]

  /// Makes the environments and opens the connections.
  /// - Throws: `EnvironmentError` or `EnvironmentFailure` if there is no such environment,
  ///   `NetworkSpecError`, or an error of the sockets.
  public init(configuration: RunConfiguration, settings: ServiceSettings) throws {
    signals = try SignalDescriptor(Signals.termination)
    self.configuration = configuration
    log = Log(settings.label)
    var system = SeededGenerator.fromSystem()
    let id = Identifier(using: &system)
    var generator = SeededGenerator(
      seed: configuration.seed, part: ServiceKind.evaluator.rawValue, index: settings.replica)
    let environment = try configuration.environmentSpec()
    (regular, confirming) = try configuration.runners(environment, using: &generator)
    let algorithm = configuration.algorithm(for: environment)
    manifest = try algorithm.manifest()
    values = Array(repeating: 0, count: manifest.elementCount)
    folder = settings.runDirectory
    token = settings.runToken
    policy = try algorithm.policy(
      batchMax: max(regular.environments.count, confirming.environments.count))
    let now = SystemClock.now()
    let connector = Connector()
    parameters = try DealerLink(
      connector: connector, to: settings.parameters, frameBytesMax: FrameBounds.parameterAnswer)
    weights = try WeightsLink(connector: connector, to: settings.weights, id: id, manifest: manifest)
    reporter = TelemetryReporter(
      id: id, service: .evaluator, settings: settings,
      interval: .milliseconds(configuration.telemetry.intervalMilliseconds), now: now)
    nextEvaluation = now
    // The best weights of an earlier incarnation are replaced only by better ones.
    if let kept = folder.flatMap({ checkpoint($0, "best").meanReturn }) { bestReturn = kept }
  }

  /// Evaluates until SIGTERM or SIGINT.
  /// - Throws: `EnvironmentFailure` if retrying the environments does not help.
  public func run() throws {
    var poller = Poller()
    poller.add(parameters.socket)
    let weightsIndices = weights.add(to: &poller)
    let signalIndex = poller.add(descriptor: signals.descriptor)
    while !isStopping {
      let now = SystemClock.now()
      pollConnections(now: now)
      if now >= nextEvaluation { weights.receiveNewest { adopt($0) } }
      if isFresh {
        isFresh = false
        nextEvaluation = now + .milliseconds(configuration.evaluator.intervalMilliseconds)
        try evaluate()
        if isStopping { break }
      }
      // The interval counts from the start of the evaluation.
      let done = SystemClock.now()
      let isEarly = done < nextEvaluation
      poller.wait(
        until: isEarly ? min(nextEvaluation, reporter.nextReport) : reporter.nextReport, now: done,
        except: isEarly ? weightsIndices : [])
      if poller.isReadable(signalIndex), try signals.read() != nil { break }
    }
    reporter.finish(now: SystemClock.now(), over: parameters, counters: telemetry())
    log.info("stopped after \(evaluations) evaluations")
  }

  private func pollConnections(now: Instant) {
    parameters.drain { _ in }
    reporter.advance(to: now, over: parameters) { telemetry() }
  }

  /// Polls signals and connections during an evaluation; true if the evaluator is to stop.
  private func attend() throws -> Bool {
    let now = SystemClock.now()
    guard now >= nextPoll else { return false }
    nextPoll = now + .milliseconds(10)
    if try signals.read() != nil { isStopping = true }
    pollConnections(now: now)
    return isStopping
  }

  private func adopt(_ weights: Weights) {
    guard weights.manifest == manifest else {
      weightsRefused += 1
      return
    }
    values.withUnsafeMutableBytes { $0.copyMemory(from: weights.values) }
    values.withUnsafeBufferPointer { policy.importParameters(from: $0) }
    // Weights before the first update are no point of the learning curve.
    isFresh = weights.updates > 0
    version = weights.version
    updates = weights.updates
  }

  private func evaluate() throws {
    guard let returns = try play(regular, episodes: configuration.evaluator.episodes) else { return }
    let found = meets(returns, configuration.evaluator.threshold)
    if returns.mean > bestReturn {
      bestReturn = returns.mean
      save("best", bestReturn)
    }
    report(.regular, returns, isSolved: found)
    guard found else { return }
    guard let fresh = try play(confirming, episodes: configuration.evaluator.confirmEpisodes) else { return }
    let isConfirmed = meets(fresh, SolvedCriterion(configuration.evaluator).threshold)
    if isConfirmed { save("solved", fresh.mean) }
    report(.confirmation, fresh, isSolved: isConfirmed)
  }

  /// The returns; nil if the evaluator is to stop or the environment failed. After a failure, the
  /// next evaluation begins with new episodes.
  private func play(_ runner: EpisodeRunner, episodes: Int) throws -> [Double]? {
    do {
      return try runner.play(policy, episodes: episodes, attend: attend)?.map(\.total)
    } catch let failure as EnvironmentFailure {
      let now = SystemClock.now()
      nextEvaluation = max(nextEvaluation, try recovery.retry(after: failure, now: now))
      log.warning("\(failure)\nskipped this evaluation")
      return nil
    }
  }

  /// Saves the evaluated weights. It is called before the report, after which the run may end.
  private func save(_ name: String, _ meanReturn: Double) {
    guard let folder else { return }
    do {
      let metadata = [
        "mean_return": String(meanReturn), "version": String(version ?? 0), "updates": String(updates),
        "environment": configuration.environment.id, "algorithm": configuration.algorithm.name.rawValue,
      ]
      try checkpoint(folder, name).save(values, metadata: metadata)
    } catch {
      saveFailures += 1
      log.error("checkpoints/\(name).safetensors: \(error)")
    }
  }

  private func checkpoint(_ folder: String, _ name: String) -> CheckpointFolder {
    CheckpointFolder(path: folder + "/checkpoints", label: name, manifest: manifest)
  }

  private func meets(_ returns: [Double], _ threshold: Double?) -> Bool {
    guard let threshold else { return false }
    return returns.mean >= threshold
  }

  private func report(_ kind: EvaluationKind, _ returns: [Double], isSolved: Bool) {
    evaluations += 1
    episodes += UInt64(returns.count)
    let evaluation = Evaluation(
      kind: kind, version: version ?? 0, updates: updates, episodes: returns.count,
      meanReturn: returns.mean, minReturn: returns.min() ?? 0,
      maxReturn: returns.max() ?? 0, isSolved: isSolved)
    EvaluationReport(token: token, evaluation).encode(into: scratch)
    _ = parameters.send(scratch.bytes, to: .service)
  }

  private func telemetry() -> [String: Double] {
    let values: [Metric: Double] = [
      .evaluations_total: Double(evaluations), .episodes_total: Double(episodes),
      .weights_version: Double(version ?? 0), .malformed_total: Double(weights.malformed),
      .weights_refused_total: Double(weightsRefused + weights.notFinite),
      .save_failures_total: Double(saveFailures),
      .environment_failures_total: Double(recovery.failures),
    ]
    return values.named
  }
}

extension RunConfiguration {
  /// The most Gymnasium environments of an evaluator. More would only wait for the longest episode.
  private static let foreignEnvironmentsMax = 5

  /// Runners for regular and for confirming episodes. Built-in environments play all episodes at
  /// once; Gymnasium environments are made once for both.
  fileprivate func runners(
    _ spec: EnvironmentSpec, using generator: inout SeededGenerator
  ) throws -> (regular: EpisodeRunner, confirming: EpisodeRunner) {
    func runner(_ count: Int) throws -> EpisodeRunner {
      EpisodeRunner(
        try environments(spec, count: count, seed: generator.next(), workers: 1)[0],
        frameStack: environment.frameStack)
    }
    if isNative {
      return (try runner(evaluator.episodes), try runner(evaluator.confirmEpisodes))
    }
    let shared = try runner(min(Self.foreignEnvironmentsMax, evaluator.episodes))
    return (shared, shared)
  }
}

extension [Double] {
  fileprivate var mean: Double { reduce(0, +) / Double(count) }
}
