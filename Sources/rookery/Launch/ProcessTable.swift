// Formats processes as a table.

internal import Console
internal import Launcher

/// The table that `rookery ps` prints.
enum ProcessTable {
  /// A heading, and one line per process.
  static func text(_ processes: [ProcessReport]) -> String {
    let rows = processes.map { process in
      [
        "\(process.instance)", state(process), process.pid.map { "\($0)" } ?? "–",
        process.addresses.first ?? process.host ?? "–",
        process.up_s.map(duration) ?? "–", "\(process.restarts)", process.detail,
      ]
    }
    let all = [["PROCESS", "STATE", "PID", "ADDRESS", "UP", "RESTARTS", ""]] + rows
    let widths = all[0].indices.map { column in all.map(\.[column].count).max() ?? 0 }
    return all.map { row in
      let cells = row.enumerated().map { Format.pad($0.element, widths[$0.offset]) }
      return String(cells.joined(separator: "  ").reversed().drop { $0 == " " }.reversed())
    }.joined(separator: "\n")
  }

  private static func state(_ process: ProcessReport) -> String {
    let name =
      switch process.state {
      case .backingOff: "restarting"
      case .waiting, .blocked, .running, .stopping, .finished, .failed, .stopped: process.state.rawValue
      }
    guard process.state == .running, let isHealthy = process.isHealthy else { return name }
    return name + (isHealthy ? " (healthy)" : " (not healthy yet)")
  }

  private static func duration(_ seconds: Double) -> String {
    guard let whole = Int(exactly: seconds.rounded(.down)) else { return "–" }
    switch whole {
    case ..<60: return "\(Format.number(seconds)) s"
    case ..<3600: return "\(whole / 60) min \(whole % 60) s"
    default: return "\(whole / 3600) h \(whole % 3600 / 60) min"
    }
  }
}
