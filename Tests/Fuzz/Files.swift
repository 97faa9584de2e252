// Folders of small files, as bytes.

import Foundations
import Glibc

enum Files {
  /// The folder of stores under test; in memory if `TMPDIR` is in a memory file system.
  static let root: String = {
    let root = "\(getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp")/rookery-fuzz-\(getpid())"
    expect(mkdir(root, 0o755) == 0, "cannot make \(root)")
    return root
  }()

  static func read(folder: String) -> [(name: String, bytes: [UInt8])] {
    DirectoryNames.of(folder).sorted().map { ($0, read("\(folder)/\($0)")) }
  }

  static func read(_ path: String) -> [UInt8] {
    let descriptor = open(path, O_RDONLY)
    expect(descriptor >= 0, "cannot open \(path)")
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = Glibc.read(descriptor, &piece, piece.count)
      expect(count >= 0, "cannot read \(path)")
      if count == 0 { return bytes }
      bytes += piece[..<count]
    }
  }

  static func write(_ path: String, _ bytes: [UInt8]) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    expect(descriptor >= 0, "cannot make \(path)")
    defer { close(descriptor) }
    expect(Glibc.write(descriptor, bytes, bytes.count) == bytes.count, "cannot write \(path)")
  }

  static func write(folder: String, _ files: [(name: String, bytes: [UInt8])]) {
    _ = mkdir(folder, 0o755)
    for file in files { write("\(folder)/\(file.name)", file.bytes) }
  }

  /// Removes a folder, and the folders in it.
  static func remove(_ path: String) {
    for name in DirectoryNames.of(path) where name != "." && name != ".." {
      if unlink("\(path)/\(name)") != 0 { remove("\(path)/\(name)") }
    }
    rmdir(path)
  }
}
