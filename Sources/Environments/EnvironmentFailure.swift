// What goes wrong in an environment.

/// Why an environment could not be made or stepped. (What its user does wrong is an `EnvironmentError`.)
public struct EnvironmentFailure: Error, Hashable, Sendable {
  public enum Kind: String, Sendable {
    /// What simulates it cannot be started, or lacks a part that Rookery needs.
    case simulator
    /// No such environment, or what it needs is not installed.
    case environment
    /// It does not take the arguments.
    case arguments
    /// Spaces that cannot be used, or not the configured ones.
    case space
    /// An exception of the environment.
    case raised
    /// The process that simulates it ended.
    case ended
    /// It did not answer in time.
    case hung
    /// A reward or an observation that is no finite number.
    case value
  }

  public var kind: Kind
  /// The environment, as people are told of it.
  public var subject: String
  public var text: String
  /// Where it happened in the environment's own code; may be empty.
  public var traceback: [String]
  /// Whether it happened before the first environment was there: another try would fail as well.
  public var isSetup: Bool

  public init(_ kind: Kind, of subject: String, _ text: String, traceback: [String] = [], isSetup: Bool) {
    self.kind = kind
    self.subject = subject
    self.text = text
    self.traceback = traceback
    self.isSetup = isSetup
  }
}

extension EnvironmentFailure: CustomStringConvertible {
  public var description: String {
    let lines = traceback.map { "\n  | \($0)" }.joined()
    return "\(subject): \(text)\(lines)"
  }
}
