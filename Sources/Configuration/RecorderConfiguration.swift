// The process that records experience.

/// `recorder`: what of the accepted experience is recorded, and where.
public struct RecorderConfiguration: Hashable, Sendable {
  /// The file to record to; empty: `recording.rookery` in the run's folder. With `rookery run` an
  /// empty value starts no recorder.
  public var out = ""
  /// Labels of the actors that are recorded; empty for all.
  public var actors: [String] = []
  /// Names of the tables whose items are recorded; empty for all.
  public var tables: [String] = []
  /// The fraction of streams that is recorded.
  public var share = 1.0
  /// The level of zstd; higher is smaller and slower.
  public var level = 1

  public init() {}
}

extension RecorderConfiguration {
  mutating func read(_ reader: inout ConfigurationReader) {
    reader.string("out", &out, expected: "the path of a file", where: { _ in true })
    reader.names("actors", &actors, expected: "a list of labels, as [actor-1, actor-2]")
    reader.names("tables", &tables, expected: "a list of tables' names")
    reader.double("share", &share, .above(0, upTo: 1))
    reader.integer("level", &level, -7...19)
  }
}
