// A part of a recording.

internal import Experience

/// Which messages of a recording are meant, and which of their items.
public struct RecordingSelection: Hashable, Sendable {
  /// Messages from this time on, in nanoseconds after the recording's first message; nil: from the
  /// beginning.
  public var from: Int64?
  /// Messages before this time; nil: to the end.
  public var until: Int64?
  /// Labels of the writers whose messages are meant; nil: all.
  public var actors: Set<String>?
  /// Names of the tables whose items are meant; nil: all. Steps belong to all tables.
  public var tables: Set<String>?

  /// Everything.
  public init() {}

  public var isEverything: Bool { self == RecordingSelection() }

  /// The times that are meant, in nanoseconds since 1970.
  /// - Parameter beginning: the time of the recording's first message.
  func times(beginning: Int64) -> Range<Int64> {
    func time(_ offset: Int64?, _ otherwise: Int64) -> Int64 {
      guard let offset else { return otherwise }
      let (sum, overflow) = beginning.addingReportingOverflow(offset)
      return overflow ? .max : sum
    }
    let start = time(from, .min)
    return start..<max(start, time(until, .max))
  }

  /// The part of a source that is meant: the numbers of its tables; nil: all of them.
  func tables(of source: RecordingSource) -> Set<Int>? {
    tables.map { names in Set(source.tables.indices.filter { names.contains(source.tables[$0].name) }) }
  }
}

extension RecordingSelection: CustomStringConvertible {
  /// For example `from 10 s, actors a and b`; empty for everything.
  public var description: String {
    func seconds(_ nanoseconds: Int64) -> String {
      let value = Double(nanoseconds) / 1e9
      return value == value.rounded() ? "\(Int64(value)) s" : "\(value) s"
    }
    let parts = [
      from.map { "from \(seconds($0))" }, until.map { "until \(seconds($0))" },
      actors.map { "actors \($0.sorted().joined(separator: ", "))" },
      tables.map { "tables \($0.sorted().joined(separator: ", "))" },
    ]
    return parts.compactMap { $0 }.joined(separator: "; ")
  }
}
