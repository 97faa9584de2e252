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
    from = try Self.time("from", arguments)
    until = try Self.time("until", arguments)
    actors = Self.names("actors", arguments)
    tables = Self.names("tables", arguments)
    if let from, let until, until <= from {
      throw UsageError("--until: expected a time after --from, found '\(arguments.value("until") ?? "")'")
    }
  }

  private static func names(_ flag: String, _ arguments: Arguments) -> Set<String>? {
    let names = arguments.all(flag).flatMap { $0.split(separator: ",") }.map {
      $0.trimmingPrefix(while: \.isWhitespace)
    }
    return names.isEmpty ? nil : Set(names.map(String.init))
  }

  private static func time(_ flag: String, _ arguments: Arguments) throws(UsageError) -> Int64? {
    guard let text = arguments.value(flag) else { return nil }
    let units: [Character: Double] = ["s": 1, "m": 60, "h": 3600]
    let unit = text.last.flatMap { units[$0] }
    // A billion seconds are more than 30 years.
    guard let number = Double(unit == nil ? text[...] : text.dropLast()), number >= 0,
      number * (unit ?? 1) <= 1e9
    else { throw UsageError("--\(flag): expected a time as 90, 90s, 2m or 1h, found '\(text)'") }
    return Int64((number * (unit ?? 1) * 1e9).rounded())
  }
}
