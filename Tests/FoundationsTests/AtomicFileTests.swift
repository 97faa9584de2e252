// Files that are replaced whole or not at all.

import Foundations
import Testing

@Suite struct AtomicFileTests {
  private struct Refusal: Error {}

  @Test func replacesTheWholeFile() throws {
    let folder = TemporaryFolder()
    let path = "\(folder.path)/file"
    try AtomicFile.replace(path, with: Array("a long first content".utf8))
    #expect(text(at: path) == "a long first content")
    try AtomicFile.replace(path) { writer in
      for part in ["sec", "", "ond"] {
        try Array(part.utf8).withUnsafeBytes { try writer.write($0) }
      }
    }
    #expect(text(at: path) == "second")
    #expect(folder.names == ["file"])
  }

  @Test func aFailureLeavesTheOldFileAlone() throws {
    let folder = TemporaryFolder()
    let path = "\(folder.path)/file"
    try AtomicFile.replace(path, with: Array("old".utf8))
    #expect(throws: Refusal.self) {
      try AtomicFile.replace(path) { writer in
        try Array("new".utf8).withUnsafeBytes { try writer.write($0) }
        throw Refusal()
      }
    }
    #expect(text(at: path) == "old")
    #expect(folder.names == ["file"])
  }

  @Test func errorsNameTheFile() throws {
    let folder = TemporaryFolder()
    let missing = #expect(throws: SystemCallError.self) {
      try AtomicFile.replace("\(folder.path)/no/file", with: [])
    }
    #expect(missing.map { "\($0)" }?.contains("/no/file") == true)
    #expect(missing.map { "\($0)" }?.contains("No such file or directory") == true)
    // A directory stands in the way: the rename fails, and nothing stays behind.
    #expect(throws: SystemCallError.self) { try AtomicFile.replace(folder.path, with: [1]) }
    #expect(folder.names.isEmpty)
  }
}
