// `rookery recording`: reads and mends recordings.

internal import Console
internal import Configuration
internal import Recordings

enum RecordingCommand {
  private enum Verb: String, CaseIterable {
    case check, info, show, cut, merge
  }

  /// `rookery recording check|info|show|cut|merge …`
  static func run(_ list: [String]) throws -> ExitCode {
    let names = Verb.allCases.map(\.rawValue)
    guard let name = list.first else {
      throw UsageError(
        "expected rookery recording \(names.joined(separator: "|")), found nothing; see rookery help")
    }
    guard let verb = Verb(rawValue: name) else {
      let nearest = Suggestion.nearest(to: name, among: names)
      throw UsageError(
        "unknown command 'recording \(name)'"
          + (nearest.map { "; did you mean '\($0)'?" } ?? "; expected \(names.joined(separator: ", "))"))
    }
    let rest = Array(list.dropFirst())
    switch verb {
    case .check: return try RecordingCheck(rest).execute()
    case .info: return try RecordingInfo(rest).execute()
    case .show: return try RecordingShow(rest).execute()
    case .cut: return try RecordingCut(rest).execute()
    case .merge: return try RecordingMerge(rest).execute()
    }
  }
}

extension RecordingSelection {
  static let flags = ["from", "until", "actors", "tables"]

  /// The selection that flags name.
  init(_ arguments: Arguments) throws(UsageError) {
    self.init()
    func nanoseconds(_ flag: String) throws(UsageError) -> Int64? {
      try arguments.seconds(flag).map { Int64(($0 * 1e9).rounded()) }
    }
    from = try nanoseconds("from")
    until = try nanoseconds("until")
    actors = arguments.names("actors").map { Set($0) }
    tables = arguments.names("tables").map { Set($0) }
    if let from, let until, until <= from {
      throw UsageError("--until: expected a time after --from, found '\(arguments.value("until") ?? "")'")
    }
  }
}
