// Translates the configuration into tables, schemas and replay settings.

internal import Algorithms
internal import Configuration
internal import Environments
internal import Experience
internal import Foundations
internal import ReplayStore

extension RunConfiguration {
  /// The table that learners sample. In a run without learners it may not exist; then this is the
  /// default.
  var table: TableSchema {
    learnersTable?.schema
      ?? TableSchema(
        name: learner.table,
        kind: .transition(nStep: algorithm.nStep, discount: Float(algorithm.discount)))
  }

  /// All tables, in the order that all processes of the run use.
  var tableSchemas: [TableSchema] { tables.map(\.schema) }

  /// The schema of an environment's steps. Observations are single frames; the replay stacks them.
  func stepSchema(of spec: EnvironmentSpec) -> StepSchema {
    .steps(
      observation: spec.observationShape, dtype: spec.observationType, stack: environment.frameStack,
      actions: spec.actions, recording: algorithm(for: spec).recordedFields)
  }

  var replayStore: ReplayStoreConfiguration {
    var store = ReplayStoreConfiguration(
      capacity: replay.capacity, tables: tables.map(storeTable), writerQuota: replay.actorQuota,
      seed: seed)
    store.keepsDigest = replay.digest
    return store
  }

  private func storeTable(_ table: ReplayTableConfiguration) -> TableConfiguration {
    let limits = table.rateLimiter
    var configuration = TableConfiguration(
      schema: table.schema, sampler: SelectorKind(table.sampler, exponent: table.priorityExponent),
      remover: SelectorKind(table.remover, exponent: table.priorityExponent),
      itemsMax: table.maxItems > 0 ? table.maxItems : nil,
      timesSampledMax: table.maxTimesSampled, limiter: .unlimited(minSize: limits.minSize),
      batchSizeMax: table.batchMax, itemsPerMessageMax: itemsPerMessage(of: table))
    configuration.staleness = table.staleness
    if table.priorityMax > 0 { configuration.priorityLimit = Float(table.priorityMax) }
    if limits.samplesPerInsert > 0 {
      configuration.limiter = .ratio(
        samplesPerInsert: limits.samplesPerInsert, minSize: limits.minSize, tolerance: errorBuffer(of: table))
    }
    return configuration
  }

  var importance: ImportanceWeights {
    ImportanceWeights(
      betaStart: Float(replay.importanceExponent), betaEnd: Float(replay.importanceExponentFinal),
      annealingUpdates: replay.importanceAnnealUpdates)
  }
}

extension ReplayTableConfiguration {
  /// What writers and learners must agree on: name and kind.
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
