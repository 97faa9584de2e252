// Follows the log files of a run.

internal import Foundations
internal import Glibc

/// Returns the lines of the files of a `logs` folder, each once. New files and new lines wake its
/// owner through an inotify descriptor, so following a silent run costs nothing. It never blocks:
/// poll `descriptor` for reading and call `readLines`.
public struct LogFollower: ~Copyable {
  /// A line and its file.
  public struct Line: Hashable, Sendable {
    /// The file's name without its ending: `actor-1`.
    public var source: String
    /// The line without its end.
    public var text: String
  }

  /// About as many bytes are read by one call; the next call reads on.
  private static var bytesMax: Int { 256 << 10 }
  /// A longer line is returned in several pieces.
  private static var lineBytesMax: Int { 16 << 10 }

  private struct File {
    var offset = 0
    var partial: [UInt8] = []
  }

  /// Readable when files may have changed.
  public let descriptor: Int32
  private let folder: String
  private let isWanted: (String) -> Bool
  private var files: [String: File] = [:]

  /// Begins to watch a folder.
  ///
  /// - Parameters:
  ///   - tail: number of existing lines of each file to return first; nil: all.
  ///   - isWanted: whether to follow a file, by its name without ending.
  /// - Throws: `LaunchError` if the folder cannot be watched.
  public init(folder: String, tail: Int?, isWanted: @escaping (String) -> Bool) throws(LaunchError) {
    self.folder = folder
    self.isWanted = isWanted
    descriptor = inotify_init1(Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC))
    guard descriptor >= 0 else {
      throw LaunchError(
        "cannot watch \(folder): \(POSIXProcessHost.errorText(errno)); raise fs.inotify.max_user_instances")
    }
    let events = UInt32(IN_MODIFY) | UInt32(IN_CREATE) | UInt32(IN_MOVED_TO)
    guard inotify_add_watch(descriptor, folder, events) >= 0 else {
      let code = errno
      close(descriptor)
      throw LaunchError("cannot watch \(folder): \(POSIXProcessHost.errorText(code))")
    }
    guard let tail else { return }
    for name in Self.names(in: folder) where isWanted(name) {
      files[name] = File(offset: Self.start(ofLast: tail, in: "\(folder)/\(name).log"))
    }
  }

  deinit { close(descriptor) }

  /// Lines written since the last call, file by file, of about 256 KiB at most: call until it
  /// returns none.
  public mutating func readLines() -> [Line] {
    var events = [UInt8](repeating: 0, count: 4096)
    while read(descriptor, &events, events.count) > 0 {}
    var lines: [Line] = []
    var bytes = 0
    for name in Self.names(in: folder) where isWanted(name) {
      // One read may end within a line; no lines must mean that there is nothing more to read.
      repeat {
        let count = readLines(of: name, &lines)
        bytes += count
        if count < Self.bytesMax { break }
      } while lines.isEmpty
      if bytes >= Self.bytesMax, !lines.isEmpty { break }
    }
    return lines
  }

  /// Appends lines of one file; returns the number of bytes read.
  private mutating func readLines(of name: String, _ lines: inout [Line]) -> Int {
    var file = files[name] ?? File()
    defer { files[name] = file }
    let descriptor = open("\(folder)/\(name).log", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return 0 }
    defer { close(descriptor) }
    // The file was truncated.
    if Int(lseek(descriptor, 0, SEEK_END)) < file.offset { file = File() }
    var bytes = [UInt8](repeating: 0, count: Self.bytesMax)
    let count = pread(descriptor, &bytes, bytes.count, off_t(file.offset))
    guard count > 0 else { return 0 }
    file.offset += count
    var rest = bytes[..<count]
    while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
      lines.append(Line(source: name, text: String(decoding: file.partial + rest[..<end], as: UTF8.self)))
      file.partial = []
      rest = rest[(end + 1)...]
    }
    file.partial += rest
    while file.partial.count > Self.lineBytesMax {
      let piece = file.partial.prefix(Self.lineBytesMax)
      lines.append(Line(source: name, text: String(decoding: piece, as: UTF8.self)))
      file.partial.removeFirst(piece.count)
    }
    return count
  }

  /// Names of a folder's log files without their ending, sorted.
  public static func names(in folder: String) -> [String] {
    DirectoryNames.of(folder).filter { $0.hasSuffix(".log") }.map { String($0.dropLast(4)) }
  }

  /// Where the last `count` lines of a file begin.
  private static func start(ofLast count: Int, in path: String) -> Int {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return 0 }
    defer { close(descriptor) }
    let end = Int(lseek(descriptor, 0, SEEK_END))
    guard count > 0 else { return end }
    var position = end
    var bytes = [UInt8](repeating: 0, count: 64 << 10)
    var found = 0
    while position > 0 {
      let size = min(bytes.count, position)
      position -= size
      guard pread(descriptor, &bytes, size, off_t(position)) == size else { return position }
      for index in (0..<size).reversed() where bytes[index] == UInt8(ascii: "\n") {
        // No line begins after the one that ends the file.
        if position + index == end - 1 { continue }
        found += 1
        if found == count { return position + index + 1 }
      }
    }
    return 0
  }
}
