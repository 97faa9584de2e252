// Failures of environments.

/// An environment could not be made or stepped. A mistake of the caller is an `EnvironmentError`.
public struct EnvironmentFailure: Error, Hashable, Sendable {
  /// The cause; raw values are those in answers of `worker.py`.
  public enum Kind: String, Sendable {
    /// Python cannot be started, or lacks a package that Rookery needs.
    case simulator
    /// There is no such environment, or a package that it needs is not installed.
    case environment
    /// The environment does not accept the arguments.
    case arguments
    /// The environment's spaces cannot be used, or differ from the configured ones.
    case space
    /// The environment raised an exception.
    case raised
    /// The worker process ended.
    case ended
    /// The worker did not answer in time.
    case hung
    /// A reward or an observation is NaN or infinite.
    case value
  }

  /// The cause.
  public var kind: Kind
  /// The environment's name in messages.
  public var subject: String
  /// What happened.
  public var text: String
  /// Lines of Python's traceback; may be empty.
  public var traceback: [String]
  /// Whether it happened before the first environment was made. Then a retry would fail too.
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
