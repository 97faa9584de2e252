// How many members make an update.

/// `aggregation.quorum`: a number of learners, or a share of those that are there.
public enum Quorum: Hashable, Sendable {
  /// At least 1.
  case count(Int)
  /// Above 0, up to 1.
  case share(Double)

  /// The members that make an update when `present` are there: at least one, and no more than are.
  public func members(of present: Int) -> Int {
    switch self {
    case .count(let count): max(1, min(count, present))
    case .share(let share): max(1, min(present, Int((share * Double(present)).rounded(.up))))
    }
  }
}

extension Quorum: CustomStringConvertible {
  /// As it is written in a configuration: `2`, or `75%`.
  public var description: String {
    switch self {
    case .count(let count): "\(count)"
    case .share(let share): "\(YAMLText.number(share * 100))%"
    }
  }
}

extension ConfigurationReader {
  /// A whole number of members, or a percentage.
  mutating func quorum(_ key: String, _ target: inout Quorum) {
    value(
      key, &target, expected: "a number of learners from 1 to 1024, or a share of them from 1% to 100%",
      render: \.description,
      parse: { node in
        if let count = node.integer(Int.self) { return (1...1024).contains(count) ? .count(count) : nil }
        guard let text = node.string, text.hasSuffix("%"), let percent = Double(text.dropLast()),
          percent >= 1, percent <= 100
        else { return nil }
        return .share(percent / 100)
      })
  }
}
