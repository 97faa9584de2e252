// Settings of the aggregation that do not go together.

extension RunConfiguration {
  var aggregationConflicts: [ConfigurationConflict] { modeConflicts + outerConflicts + lateConflicts }

  private var modeConflicts: [ConfigurationConflict] {
    let modes: [AggregationConfiguration.Mode] =
      switch aggregation.kind {
      case .averaging: [.rounds, .asynchronous]
      case .gradients: [.asynchronous, .synchronous]
      }
    guard !modes.contains(aggregation.mode) else { return [] }
    return [
      ConfigurationConflict(
        keys: ["aggregation.mode", "aggregation.kind"],
        expected:
          "\(modes.map(\.rawValue).joined(separator: " or ")) with aggregation.kind \(aggregation.kind.rawValue)",
        found: aggregation.mode.rawValue, advice: "change it, or aggregation.kind")
    ]
  }

  /// An outer step is along the delta of a round.
  private var outerConflicts: [ConfigurationConflict] {
    let outer = aggregation.outer
    guard aggregation.mode != .rounds else { return [] }
    func conflict(_ key: String, _ value: Double, plain: Double) -> ConfigurationConflict? {
      guard value != plain else { return nil }
      return ConfigurationConflict(
        keys: ["aggregation.outer.\(key)", "aggregation.mode"],
        expected:
          "\(YAMLText.number(plain)) with aggregation.mode \(aggregation.mode.rawValue), as an outer step is along the "
          + "merged delta of a round",
        found: YAMLText.number(value),
        advice: "remove the key, or set aggregation.kind to averaging and aggregation.mode to rounds")
    }
    return [
      conflict("learning_rate", outer.learningRate, plain: 1), conflict("momentum", outer.momentum, plain: 0),
    ].compactMap { $0 }
  }

  private var lateConflicts: [ConfigurationConflict] {
    let standard = AggregationConfiguration()
    let (kind, mode) = (aggregation.kind, aggregation.mode)
    func conflict(_ key: String, _ expected: String, _ found: String) -> ConfigurationConflict {
      ConfigurationConflict(
        keys: ["aggregation.\(key)", "aggregation.mode"], expected: expected, found: found,
        advice: "remove the key, or change aggregation.kind or aggregation.mode")
    }
    var conflicts: [ConfigurationConflict] = []
    let choices: [AggregationConfiguration.Late] =
      mode == .synchronous ? [.carry, .drop] : [.wait, .scale, .drop]
    if kind == .averaging {
      if aggregation.late != standard.late {
        conflicts.append(
          conflict(
            "late", "no value with aggregation.kind averaging: no delta is late", aggregation.late.rawValue))
      }
      if aggregation.maxStaleness != standard.maxStaleness {
        conflicts.append(
          conflict(
            "max_staleness", "no value with aggregation.kind averaging, which has no gradients",
            "\(aggregation.maxStaleness)"))
      }
    } else if !choices.contains(aggregation.late) {
      conflicts.append(
        conflict(
          "late",
          "\(choices.map(\.rawValue).joined(separator: " or ")) with aggregation.mode \(mode.rawValue)",
          aggregation.late.rawValue))
    }
    if mode != .synchronous, aggregation.quorum != standard.quorum {
      conflicts.append(
        conflict("quorum", "no value unless gradients are synchronous", aggregation.quorum.description))
    }
    return conflicts
  }
}
