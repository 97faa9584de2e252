// What the configuration means to each part.

internal import Algorithms
internal import Configuration
internal import Environments
internal import Experience
internal import Foundations
internal import Numerics
internal import ReplayStore

extension RunConfiguration {
  /// The one table of a DQN run.
  var table: TableSchema {
    TableSchema(
      name: "experience",
      kind: .transition(nStep: algorithm.nStep, discount: Float(algorithm.discount)))
  }

  var replayStore: ReplayStoreConfiguration {
    let limits = replay.rateLimiter
    let sampler: SelectorKind =
      switch replay.sampler {
      case .prioritized: .prioritized(exponent: replay.priorityExponent)
      case .uniform: .uniform
      case .fifo: .fifo
      }
    var table = TableConfiguration(
      schema: table, sampler: sampler, itemsMax: replay.maxItems > 0 ? replay.maxItems : nil,
      timesSampledMax: replay.maxTimesSampled, limiter: .unlimited(minSize: limits.minSize),
      batchSizeMax: itemsPerRequest, itemsPerMessageMax: itemsPerMessage)
    if limits.samplesPerInsert > 0 {
      table.limiter = .ratio(
        samplesPerInsert: limits.samplesPerInsert, minSize: limits.minSize, tolerance: errorBuffer)
    }
    return ReplayStoreConfiguration(capacity: replay.capacity, tables: [table])
  }

  func network(for spec: EnvironmentSpec) -> NetworkSpec {
    switch algorithm.network {
    case .mlp:
      var network = NetworkSpec.mlp(
        inputs: spec.observationElementCount, hidden: algorithm.hidden, outputs: spec.actionCount,
        dueling: algorithm.dueling)
      if spec.observationType == .uint8 { network.inputType = .uint8 }
      return network
    case .nature:
      let shape = spec.observationShape
      let planes = shape.count == 3 ? shape[0] : 1
      return .nature(
        planes: planes, height: shape[max(0, shape.count - 2)], width: shape[shape.count - 1],
        outputs: spec.actionCount, dueling: algorithm.dueling)
    }
  }

  var dqn: DQNConfiguration {
    DQNConfiguration(
      isDouble: algorithm.double,
      learningRate: algorithm.learningRate, adamEpsilon: algorithm.adamEpsilon,
      gradientClip: algorithm.gradientClip > 0 ? Float(algorithm.gradientClip) : nil,
      huberDelta: Float(algorithm.huberDelta),
      target: algorithm.target.kind == .hard
        ? .hard(everyVersions: algorithm.target.everyVersions) : .polyak(tau: Float(algorithm.target.tau)))
  }

  var importance: ImportanceWeights {
    ImportanceWeights(
      betaStart: Float(replay.importanceExponent), betaEnd: Float(replay.importanceExponentFinal),
      annealingSteps: replay.importanceAnnealUpdates)
  }
}
