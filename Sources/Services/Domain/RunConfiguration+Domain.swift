// What the configuration means to each part.

internal import Algorithms
public import Configuration
internal import Environments
internal import Experience
internal import Foundations
internal import Numerics
internal import ReplayStore

extension RunConfiguration {
  /// The table that learners sample from; without one of that name (and so without learners) the one there would be.
  var table: TableSchema {
    learnersTable?.schema
      ?? TableSchema(
        name: learner.table,
        kind: .transition(nStep: algorithm.nStep, discount: Float(algorithm.discount)))
  }

  /// All tables, in the order that every process of the run gives them.
  var tableSchemas: [TableSchema] { tables.map(\.schema) }

  /// The steps of an environment: single frames, of which the replay makes stacks.
  func stepSchema(of spec: EnvironmentSpec) -> StepSchema {
    .steps(
      observation: spec.observationShape, dtype: spec.observationType, stack: environment.frameStack,
      actions: spec.actions, recording: algorithm(for: spec).recordedFields)
  }

  var replayStore: ReplayStoreConfiguration {
    ReplayStoreConfiguration(
      capacity: replay.capacity, tables: tables.map(storeTable), writerShareMax: replay.actorShareMax,
      seed: seed)
  }

  private func storeTable(_ table: ReplayTableConfiguration) -> TableConfiguration {
    let limits = table.rateLimiter
    var configuration = TableConfiguration(
      schema: table.schema, sampler: SelectorKind(table.sampler, exponent: table.priorityExponent),
      remover: SelectorKind(table.remover, exponent: table.priorityExponent),
      itemsMax: table.maxItems > 0 ? table.maxItems : nil,
      timesSampledMax: table.maxTimesSampled, limiter: .unlimited(minSize: limits.minSize),
      batchSizeMax: table.batchMax, itemsPerMessageMax: itemsPerMessage(of: table))
    if table.priorityMax > 0 { configuration.priorityLimit = Float(table.priorityMax) }
    if limits.samplesPerInsert > 0 {
      configuration.limiter = .ratio(
        samplesPerInsert: limits.samplesPerInsert, minSize: limits.minSize, tolerance: errorBuffer(of: table))
    }
    return configuration
  }

  /// The algorithm, for what an environment shows and takes.
  func algorithm(for spec: EnvironmentSpec) -> Algorithm {
    switch algorithm.name {
    case .dqn: .dqn(dqn, network(for: spec))
    }
  }

  private func network(for spec: EnvironmentSpec) -> NetworkSpec {
    // A network without outputs is refused as what it is.
    let actions = spec.actions.discreteCount ?? 0
    switch algorithm.network {
    case .mlp:
      var network = NetworkSpec.mlp(
        inputs: spec.observationElementCount * environment.frameStack, hidden: algorithm.hidden,
        outputs: actions,
        dueling: algorithm.dueling)
      if spec.observationType == .uint8 { network.inputType = .uint8 }
      return network
    case .nature:
      let shape = spec.observationShape
      let planes = (shape.count == 3 ? shape[0] : 1) * environment.frameStack
      return .nature(
        planes: planes, height: shape[max(0, shape.count - 2)], width: shape[shape.count - 1],
        outputs: actions, dueling: algorithm.dueling)
    }
  }

  private var dqn: DQNConfiguration {
    DQNConfiguration(
      isDouble: algorithm.double,
      learningRate: algorithm.learningRate, adamEpsilon: algorithm.adamEpsilon,
      gradientClip: algorithm.gradientClip > 0 ? Float(algorithm.gradientClip) : nil,
      huberDelta: Float(algorithm.huberDelta), target: target)
  }

  private var target: DQNConfiguration.Target {
    switch algorithm.target.kind {
    case .hard: .hard(everyUpdates: algorithm.target.everyUpdates)
    case .polyak: .polyak(tau: Float(algorithm.target.tau))
    }
  }

  var importance: ImportanceWeights {
    ImportanceWeights(
      betaStart: Float(replay.importanceExponent), betaEnd: Float(replay.importanceExponentFinal),
      annealingSteps: replay.importanceAnnealUpdates)
  }
}

extension AlgorithmConfiguration {
  /// What a learner measures beside the metrics of every learner.
  public var measured: [(name: String, help: String)] {
    switch name {
    case .dqn: DQNRule.measured
    }
  }
}

extension ReplayTableConfiguration {
  /// What writers and learners must agree on.
  var schema: TableSchema {
    switch kind {
    case .transition:
      TableSchema(name: name, kind: .transition(nStep: nStep, discount: Float(discount)))
    case .sequence:
      TableSchema(name: name, kind: .sequence(length: length, period: period, episodes: episodes))
    case .record: TableSchema(name: name, kind: .record)
    }
  }
}
