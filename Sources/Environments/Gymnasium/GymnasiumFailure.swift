// What goes wrong in Python.

/// Why an environment of Gymnasium could not be made or stepped.
public struct GymnasiumFailure: Error, Hashable, Sendable {
  public enum Kind: String, Sendable {
    /// No interpreter, or one without a package that Rookery's side needs.
    case python
    /// No such environment, or what it needs is not installed.
    case environment
    /// `gymnasium.make` does not take the arguments.
    case arguments
    /// Spaces that cannot be used, or not the configured ones.
    case space
    /// An exception of the environment.
    case raised
    /// The worker process ended.
    case ended
    /// The worker did not answer in time.
    case hung
    /// A reward or an observation that is no finite number.
    case value
  }

  public var kind: Kind
  public var id: String
  public var text: String
  /// The last lines of Python's traceback; may be empty.
  public var traceback: [String]
  /// Whether it happened before the first environment was there: another try would fail as well.
  public var isSetup: Bool

  public init(_ kind: Kind, id: String, _ text: String, traceback: [String] = [], isSetup: Bool) {
    self.kind = kind
    self.id = id
    self.text = text
    self.traceback = traceback
    self.isSetup = isSetup
  }

  /// From a worker's answer: `E` and the kind, a line break, the text, and perhaps a line of NUL and the traceback.
  init(answer: Substring, id: String, isSetup: Bool) {
    let parts = answer.dropFirst().split(separator: "\n\0\n", maxSplits: 1)
    let lines = (parts.first ?? "").split(separator: "\n", maxSplits: 1)
    self.init(
      Kind(rawValue: String(lines.first ?? "")) ?? .raised, id: id,
      lines.count > 1 ? String(lines[1]) : "no reason",
      traceback: parts.count > 1 ? parts[1].split(separator: "\n").map(String.init) : [], isSetup: isSetup)
  }
}

extension GymnasiumFailure: CustomStringConvertible {
  public var description: String {
    let lines = traceback.map { "\n  | \($0)" }.joined()
    return "\(id) through Gymnasium: \(text)\(lines)"
  }
}
