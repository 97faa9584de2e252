// Records that are in the file whole or not at all.

import Foundations
import TestSupport
import Testing

@Suite struct AppendOnlyFileTests {
  @Test func appendsOverRestarts() throws {
    let folder = TemporaryFolder()
    let path = "\(folder.path)/file"
    for word in ["one\n", "two\n"] { try AppendOnlyFile(path: path).append(Array(word.utf8)) }
    #expect(text(at: path) == "one\ntwo\n")
  }

  @Test func aTornLineIsEnded() throws {
    let folder = TemporaryFolder()
    let path = "\(folder.path)/file"
    let file = try AppendOnlyFile(path: path)
    try file.endLine()
    #expect(text(at: path) == "", "a new file stays empty")
    try file.append(Array("who".utf8))
    try file.endLine()
    try file.endLine()
    #expect(text(at: path) == "who\n")
  }

  @Test func errorsNameTheFile() throws {
    let file = try AppendOnlyFile(path: "/dev/full")
    let error = #expect(throws: SystemCallError.self) { try file.append([1]) }
    #expect(error?.description == "cannot write '/dev/full': No space left on device (errno 28)")
    #expect(throws: SystemCallError.self) { try AppendOnlyFile(path: "/nowhere/file") }
  }

  /// Only a part of the record fits: none of it stays, and a later record fits again.
  @Test func aFullDiskTakesNoPart() throws {
    guard let disk = TinyDisk(kibibytes: 64) else { return }
    let path = "\(disk.path)/file"
    let file = try AppendOnlyFile(path: path)
    try file.append(Array("before\n".utf8))
    disk.fill()
    #expect(throws: SystemCallError.self) { try file.append([UInt8](repeating: 1, count: 100_000)) }
    #expect(text(at: path) == "before\n")
    disk.empty()
    try file.append(Array("after\n".utf8))
    #expect(text(at: path) == "before\nafter\n")
  }
}
