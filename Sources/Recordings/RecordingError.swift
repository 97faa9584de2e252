// What can be wrong with a recording.

/// A recording that cannot be opened, read or written.
public struct RecordingError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The file's path.
  public var path: String
  /// What was expected, what was found, and what to do.
  public var problem: String

  public init(_ path: String, _ problem: String) {
    self.path = path
    self.problem = problem
  }

  public var description: String { "\(path): \(problem)" }
}

/// A part of a file that cannot be read. Everything else can.
public struct RecordingDamage: Hashable, Sendable, CustomStringConvertible {
  /// The bytes of the file.
  public var range: Range<UInt64>
  /// What is wrong with them.
  public var problem: String

  public init(range: Range<UInt64>, problem: String) {
    self.range = range
    self.problem = problem
  }

  public var description: String { "bytes \(range.lowerBound) to \(range.upperBound): \(problem)" }
}
