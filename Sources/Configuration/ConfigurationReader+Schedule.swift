// Numbers that may follow a schedule.

internal import Foundations

extension ConfigurationReader {
  /// A number, or a section that describes a schedule from one number to another.
  ///
  /// A later layer's form hides an earlier one's: `--set key=0.1` a schedule in the file, and
  /// `--set key.schedule=…` a number.
  mutating func schedule(_ key: String, _ target: inout Schedule, _ range: NumberRange) {
    hideOtherForm(of: key)
    guard isSet(key) || (keys(below: key).isEmpty && target.isConstant) else {
      return section(key) { $0.readSchedule(key, &target, range) }
    }
    value(
      key, &target, expected: "a number \(range), or a schedule",
      render: { YAMLText.number($0.from) },
      parse: { node in node.double.flatMap { range.contains($0) ? .constant($0) : nil } })
  }

  private mutating func readSchedule(_ name: String, _ target: inout Schedule, _ range: NumberRange) {
    let wasConstant = target.isConstant
    choice("schedule", &target.shape)
    double("from", &target.from, range)
    guard !target.isConstant || isSet("to") || isSet("over") || isSet("by") || !isSet("schedule") else {
      target = .constant(target.from)
      return
    }
    double("to", &target.to, range)
    // The default is none, and no example.
    var over = target.over > 0 ? target.over : 100_000
    double("over", &over, .above(0, upTo: 1e12))
    if isSet("over") { target.over = over }
    choice("by", &target.by)
    // One layer alone may set a part.
    guard !isPartial, !problems.contains(where: { $0.key.hasPrefix(path("")) }) else { return }
    if target.isConstant {
      let found = isSet("schedule") ? "'to', 'over' or 'by' too" : "no schedule"
      refuseSchedule(
        name, expected: "schedule: linear or cosine with 'to', 'over' and 'by'", found: found, target)
    } else if wasConstant, !isSet("to") || !isSet("over") {
      let found = isSet("to") ? "no 'over'" : "no 'to'"
      refuseSchedule(name, expected: "'to' and 'over' beside 'schedule'", found: found, target)
    }
  }

  private mutating func refuseSchedule(_ name: String, expected: String, found: String, _ target: Schedule) {
    let number = YAMLText.number(target.from)
    let parts = ["schedule", "from", "to", "over", "by"]
    report(
      ConfigurationProblem(
        place: source(of: path(parts.first(where: isSet) ?? "")).place, key: String(path("").dropLast()),
        expected: expected, found: found,
        advice:
          "write for example \(name): {schedule: linear, from: \(number), to: 0.0001, over: 100000, by: updates}, "
          + "or a number"))
  }

  /// Keeps the form, number or section, that the latest layer set.
  private mutating func hideOtherForm(of key: String) {
    let inner = keys(below: key)
    guard isSet(key), let section = inner.map({ source(of: path(key + "." + $0)).rank }).max() else { return }
    let number = source(of: path(key))
    if number.rank == section {
      report(
        ConfigurationProblem(
          place: number.place, key: path(key), expected: "a number or a schedule", found: "both",
          advice: "remove one"))
    }
    if number.rank >= section {
      for name in inner { hide(key + "." + name) }
    } else {
      hide(key)
    }
  }
}

extension ValueSource {
  /// Higher for layers that win over others.
  fileprivate var rank: Int {
    switch self {
    case .standard: 0
    case .fileName: 1
    case .file: 2
    case .variable: 3
    case .argument: 4
    }
  }
}
