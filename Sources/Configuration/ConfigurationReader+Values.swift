// The types of values that a configuration has.

extension ConfigurationReader {
  mutating func integer<I: FixedWidthInteger>(_ key: String, _ target: inout I, _ range: ClosedRange<I>) {
    let expected =
      range.upperBound == .max
      ? "a whole number, \(range.lowerBound) or more"
      : "a whole number from \(range.lowerBound) to \(range.upperBound)"
    value(key, &target, expected: expected, render: { "\($0)" }) { node in
      node.integer(I.self).flatMap { range.contains($0) ? $0 : nil }
    }
  }

  mutating func double(_ key: String, _ target: inout Double, _ range: NumberRange) {
    value(key, &target, expected: "a number \(range)", render: YAMLText.number) { node in
      node.double.flatMap { range.contains($0) ? $0 : nil }
    }
  }

  /// A number, or null.
  mutating func optionalDouble(_ key: String, _ target: inout Double?) {
    value(key, &target, expected: "a number, or null", render: { $0.map(YAMLText.number) ?? "null" }) {
      node in
      node.isNull ? .some(nil) : node.double.map { .some($0) }
    }
  }

  /// A whole number of 0 to 65536, or null.
  mutating func optionalInteger(_ key: String, _ target: inout UInt64?) {
    value(
      key, &target, expected: "a whole number from 0 to 65536, or null",
      render: { $0.map(String.init) ?? "null" }
    ) { node in
      node.isNull ? .some(nil) : node.integer(UInt64.self).flatMap { $0 <= 1 << 16 ? .some($0) : nil }
    }
  }

  mutating func bool(_ key: String, _ target: inout Bool) {
    value(key, &target, expected: "true or false", render: { "\($0)" }, parse: \.bool)
  }

  mutating func string(
    _ key: String, _ target: inout String, expected: String, where isRight: (String) -> Bool
  ) {
    value(key, &target, expected: expected, render: YAMLText.string) { node in
      node.string.flatMap { isRight($0) ? $0 : nil }
    }
  }

  /// A list of whole numbers.
  mutating func list(
    _ key: String, _ target: inout [Int], count: ClosedRange<Int>, _ range: ClosedRange<Int>
  ) {
    let expected =
      "a list of \(count.lowerBound) to \(count.upperBound) whole numbers from \(range.lowerBound) to \(range.upperBound)"
    let render = { (list: [Int]) in "[\(list.map(String.init).joined(separator: ", "))]" }
    value(key, &target, expected: expected, render: render) { node in
      guard let nodes = node.sequence, count.contains(nodes.count) else { return nil }
      let numbers = nodes.compactMap { $0.integer(Int.self) }.filter(range.contains)
      return numbers.count == nodes.count ? numbers : nil
    }
  }

  /// A list of texts, none of them empty.
  mutating func names(_ key: String, _ target: inout [String], expected: String) {
    let render = { (list: [String]) in "[\(list.map(YAMLText.string).joined(separator: ", "))]" }
    value(key, &target, expected: expected, render: render) { node in
      guard let nodes = node.sequence else { return nil }
      let texts = nodes.compactMap(\.string).filter { !$0.isEmpty }
      return texts.count == nodes.count ? texts : nil
    }
  }

  /// One of an enumeration's names.
  mutating func choice<E: RawRepresentable & CaseIterable>(_ key: String, _ target: inout E)
  where E.RawValue == String {
    choice(key, &target, among: Array(E.allCases), named: \.rawValue)
  }

  /// One of some values that have names.
  mutating func choice<E>(_ key: String, _ target: inout E, among values: [E], named name: (E) -> String) {
    let names = values.map(name)
    let expected = names.count == 1 ? names[0] : "one of \(names.joined(separator: ", "))"
    value(
      key, &target, expected: expected, render: { YAMLText.string(name($0)) },
      parse: { $0.string.flatMap { names.firstIndex(of: $0) }.map { values[$0] } },
      advice: { node in
        node.string.flatMap { Suggestion.nearest(to: $0, among: names) }.map { "did you mean '\($0)'?" }
      })
  }
}

/// An interval of finite numbers, described in words.
struct NumberRange: CustomStringConvertible {
  private var lower: Double
  private var lowerIncluded: Bool
  private var upper: Double

  static func atLeast(_ lower: Double) -> NumberRange {
    NumberRange(lower: lower, lowerIncluded: true, upper: .greatestFiniteMagnitude)
  }

  static func above(_ lower: Double, upTo upper: Double = .greatestFiniteMagnitude) -> NumberRange {
    NumberRange(lower: lower, lowerIncluded: false, upper: upper)
  }

  static func from(_ lower: Double, to upper: Double) -> NumberRange {
    NumberRange(lower: lower, lowerIncluded: true, upper: upper)
  }

  func contains(_ value: Double) -> Bool {
    (lowerIncluded ? value >= lower : value > lower) && value <= upper
  }

  var description: String {
    let low = YAMLText.number(lower)
    if upper == .greatestFiniteMagnitude { return lowerIncluded ? "of \(low) or more" : "above \(low)" }
    let high = YAMLText.number(upper)
    return lowerIncluded ? "from \(low) to \(high)" : "above \(low), up to \(high)"
  }
}
