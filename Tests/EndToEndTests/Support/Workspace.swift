// A folder for each test.

import Foundation
import Glibc

/// A working directory with the repository's `config/` and `compose/`, removed when dropped.
final class Workspace {
  let path: String
  private var names = 0

  init() throws {
    // A short path, as a Unix socket's path has at most 107 bytes.
    var template = Array("/tmp/rookery-e2e-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw TimedOut(description: "mkdtemp: \(errno)") }
    path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    for name in ["config", "compose"] {
      try FileManager.default.createSymbolicLink(
        atPath: file(name), withDestinationPath: "\(Program.root)/\(name)")
    }
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }

  func file(_ name: String) -> String { "\(path)/\(name)" }

  func unusedName(_ stem: String) -> String {
    names += 1
    return file("\(stem)-\(names)")
  }

  @discardableResult
  func write(_ text: String, to name: String) throws -> String {
    try Text.write(text, to: file(name))
    return file(name)
  }

  func read(_ name: String) -> String { Text.read(file(name)) }
  func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: file(name)) }
}
