// `rookery logs`: prints the logs of a run's processes.

internal import Console
internal import Foundations
internal import Glibc
internal import Launcher
internal import Transport

/// `rookery logs [-f] [-n LINES] [SERVICE|SERVICE-N …]`; with `-p NAME` also of a run that has
/// ended.
struct LogsCommand {
  private let folder: String
  private let names: [String]
  private let follows: Bool
  private let tail: Int

  init(_ list: [String]) throws {
    let arguments = try Arguments(
      list, valued: ["name", "lines"], plain: ["follow"],
      short: ["p": "name", "f": "follow", "n": "lines"])
    follows = arguments.has("follow")
    tail = try arguments.integer("lines", in: 0...1_000_000) ?? .max
    names = arguments.positional
    folder = try LiveRun.folder(name: arguments.value("name")) + "/logs"
    let files = LogFollower.names(in: folder)
    for name in names where !files.contains(where: { Self.isSelected($0, [name]) }) {
      let services = Set(files.map(Self.service)).sorted()
      throw LaunchError(
        "expected a service or one of its processes, found '\(name)'; \(folder) has logs of \(services.joined(separator: ", "))"
      )
    }
  }

  func execute() throws -> ExitCode {
    // Before any other thread starts: threads inherit the signals blocked here.
    let signals = try SignalDescriptor(Signals.termination)
    let names = names
    var follower = try LogFollower(folder: folder, tail: tail == .max ? nil : tail) {
      Self.isSelected($0, names)
    }
    let files = LogFollower.names(in: folder).filter { Self.isSelected($0, names) }
    var view = LogView(width: files.map(\.count).max() ?? 0)
    guard Self.showAll(&follower, &view) else { return .success }
    while follows {
      var poller = Poller()
      poller.add(descriptor: follower.descriptor)
      let signalIndex = poller.add(descriptor: signals.descriptor)
      poller.wait(until: .never, now: SystemClock.now())
      if poller.isReadable(signalIndex), try signals.read() != nil { break }
      guard Self.showAll(&follower, &view) else { break }
    }
    return .success
  }

  /// Prints all new lines; false once the reader has closed the output.
  private static func showAll(_ follower: inout LogFollower, _ view: inout LogView) -> Bool {
    while true {
      let lines = follower.readLines()
      if lines.isEmpty { return true }
      guard StandardOutput.write(view.text(lines)) else { return false }
    }
  }

  static func isSelected(_ file: String, _ names: [String]) -> Bool {
    names.isEmpty || names.contains(file) || names.contains(service(of: file))
  }

  /// `actor-2` → `actor`.
  private static func service(of file: String) -> String {
    guard let dash = file.lastIndex(of: "-"), Int(file[file.index(after: dash)...]) != nil else {
      return file
    }
    return String(file[..<dash])
  }
}

/// Prefixes lines with their process's name, which has its own colour on a terminal.
struct LogView {
  private var width: Int
  private let hasColours = isatty(1) == 1
  private var colours: [String: Int] = [:]

  init(width: Int) {
    self.width = width
  }

  mutating func text(_ lines: [LogFollower.Line]) -> String {
    lines.map { row($0.source, $0.text) + "\n" }.joined()
  }

  private mutating func row(_ source: String, _ text: String) -> String {
    width = max(width, source.count)
    let name = Format.pad(source, width) + " │"
    guard hasColours else { return "\(name) \(text)" }
    // Cyan, yellow, green, magenta, blue and their bright variants; red would look like an error.
    let palette = [36, 33, 32, 35, 34, 96, 93, 92, 95, 94]
    let colour = colours[source] ?? palette[colours.count % palette.count]
    colours[source] = colour
    return "\u{1B}[\(colour)m\(name)\u{1B}[0m \(text)"
  }
}
