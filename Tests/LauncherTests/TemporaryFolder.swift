// Folders and files of tests.

import Foundations
import Glibc
import Testing

/// A new folder, removed with its contents at the end.
final class TemporaryFolder {
  let path: String

  init() throws {
    var template = Array("/tmp/rookery-launcher-XXXXXX".utf8CString)
    path = String(cString: try #require(mkdtemp(&template)))
  }

  deinit { Self.remove(path) }

  private static func remove(_ path: String) {
    if let folder = opendir(path) {
      while let entry = readdir(folder) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
          pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != ".", name != ".." { remove(path + "/" + name) }
      }
      closedir(folder)
    }
    _ = Glibc.remove(path)
  }

  static func write(_ text: String, to path: String) throws {
    try write(Array(text.utf8), to: path)
  }

  static func write(_ bytes: [UInt8], to path: String) throws {
    let file = try #require(fopen(path, "w"))
    fwrite(bytes, 1, bytes.count, file)
    fclose(file)
  }

  static func text(of path: String) -> String {
    guard let file = fopen(path, "r") else { return "" }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    return String(decoding: bytes[..<fread(&bytes, 1, bytes.count, file)], as: UTF8.self)
  }
}

/// A named pipe through which a child writes words to the test.
final class NamedPipe {
  let path: String
  private let descriptor: Int32

  /// - Parameter writers: whether several children open it, one after the other.
  init(in folder: TemporaryFolder, writers: Bool = false) throws {
    path = folder.path + "/pipe"
    try #require(mkfifo(path, 0o600) == 0)
    descriptor = open(path, (writers ? O_RDWR : O_RDONLY) | O_NONBLOCK | O_CLOEXEC)
    try #require(descriptor >= 0)
  }

  deinit { close(descriptor) }

  /// The next words; nil after ten seconds without any.
  func read() -> String? {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    guard poll(&entry, 1, 10_000) == 1, entry.revents & Int16(POLLIN) != 0 else { return nil }
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = Glibc.read(descriptor, &bytes, bytes.count)
    return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
  }

  /// Whether all writers have closed it within ten seconds.
  func isAbandoned() -> Bool {
    var entry = pollfd(fd: descriptor, events: 0, revents: 0)
    return poll(&entry, 1, 10_000) == 1 && entry.revents & Int16(POLLHUP) != 0
  }
}

enum Child {
  /// Waits until a child has ended, without reaping it.
  static func awaitEnd(_ pid: Int32) {
    var info = siginfo_t()
    while waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) != 0, errno == EINTR {}
  }
}
