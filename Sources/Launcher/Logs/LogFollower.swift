// What a run's processes write, as they write it.

internal import Foundations
internal import Glibc

/// Lines of the files of a `logs` folder, each told once. New files and new lines wake its owner through an inotify descriptor, so
/// following a silent run costs nothing. It does not wait: poll `descriptor` for reading and call `take`.
public struct LogFollower: ~Copyable {
  /// A line and whose it is.
  public struct Line: Hashable, Sendable {
    /// The file's name without its ending: `actor-1`.
    public var source: String
    public var text: String
  }

  /// Bytes of one call, about; what is beyond comes with the next.
  private static var bytesMax: Int { 256 << 10 }
  /// A longer line is cut into several.
  private static var lineBytesMax: Int { 16 << 10 }

  private struct File {
    var offset = 0
    var partial: [UInt8] = []
  }

  public let descriptor: Int32
  private let folder: String
  private let isWanted: (String) -> Bool
  private var files: [String: File] = [:]

  /// - Parameters:
  ///   - tail: lines of each file told at first; nil tells them all.
  ///   - isWanted: whether a file is followed, by its name without ending.
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

  /// What has been written since the last call, file by file, as far as one call takes it: call until there is nothing.
  public mutating func take() -> [Line] {
    var events = [UInt8](repeating: 0, count: 4096)
    while read(descriptor, &events, events.count) > 0 {}
    var lines: [Line] = []
    var bytes = 0
    for name in Self.names(in: folder) where isWanted(name) {
      // One read may end within a line: to have nothing to tell must mean that nothing is there.
      repeat {
        let count = take(name, &lines)
        bytes += count
        if count < Self.bytesMax { break }
      } while lines.isEmpty
      if bytes >= Self.bytesMax, !lines.isEmpty { break }
    }
    return lines
  }

  /// The number of bytes read.
  private mutating func take(_ name: String, _ lines: inout [Line]) -> Int {
    var file = files[name] ?? File()
    defer { files[name] = file }
    let descriptor = open("\(folder)/\(name).log", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return 0 }
    defer { close(descriptor) }
    // Somebody emptied it.
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

  /// Names of the log files without their ending, in order.
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
        // The one that ends the file begins no line.
        if position + index == end - 1 { continue }
        found += 1
        if found == count { return position + index + 1 }
      }
    }
    return 0
  }
}
