// How actors are paced.

internal import Configuration
internal import Experience

extension RunConfiguration {
  /// Steps from the start of an item to that of the next, if actors are paced; else nil.
  var pacePeriod: Int? {
    guard let table = learnersTable, table.staleness?.keeping == .pace else { return nil }
    return table.period
  }

  /// The pacer's settings, if actors are paced.
  var pacing: PacingConfiguration? {
    guard let pacePeriod, let bound = staleness,
      let table = tables.firstIndex(where: { $0.name == learner.table })
    else { return nil }
    return PacingConfiguration(
      table: table, staleness: bound.max, period: pacePeriod, batch: algorithm.batch,
      isSynchronous: aggregation.mode == .synchronous)
  }
}
