// `rookery logs`: what the processes of a run say.

internal import Console
internal import Foundations
internal import Glibc
internal import Launcher
internal import Transport

/// `rookery logs [-f] [-n LINES] [SERVICE|SERVICE-N …]`: also of a run that is over, with `-p NAME`.
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
    for name in names where !files.contains(where: { Self.isMeant($0, [name]) }) {
      let services = Set(files.map(Self.service)).sorted()
      throw LaunchError(
        "expected a service or one of its processes, found '\(name)'; \(folder) has logs of \(services.joined(separator: ", "))"
      )
    }
  }

  func execute() throws -> ExitCode {
    // Before any thread: they inherit what is blocked here.
    let signals = try SignalDescriptor(Signals.termination)
    let names = names
    var follower = try LogFollower(folder: folder, tail: tail == .max ? nil : tail) {
      Self.isMeant($0, names)
    }
    let files = LogFollower.names(in: folder).filter { Self.isMeant($0, names) }
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

  /// False once nobody reads any more.
  private static func showAll(_ follower: inout LogFollower, _ view: inout LogView) -> Bool {
    while true {
      let lines = follower.take()
      if lines.isEmpty { return true }
      guard StandardOutput.write(view.text(lines)) else { return false }
    }
  }

  static func isMeant(_ file: String, _ names: [String]) -> Bool {
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

/// Lines of several processes, each with its name before it, in a colour of its own on a terminal.
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
    // Cyan, yellow, green, magenta, blue, and their bright sisters: no red, which means trouble.
    let palette = [36, 33, 32, 35, 34, 96, 93, 92, 95, 94]
    let colour = colours[source] ?? palette[colours.count % palette.count]
    colours[source] = colour
    return "\u{1B}[\(colour)m\(name)\u{1B}[0m \(text)"
  }
}
