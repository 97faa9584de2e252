// Following log files.

import Foundations
import Glibc
import Launcher
import Testing

@Suite struct LogFollowerTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private func append(_ text: String, to name: String) throws {
    let file = try #require(fopen("\(folder.path)/\(name)", "a"))
    fputs(text, file)
    fclose(file)
  }

  private func isReadable(_ descriptor: Int32) -> Bool {
    var item = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&item, 1, 0) == 1
  }

  private func follower(tail: Int?, _ isWanted: @escaping (String) -> Bool = { _ in true }) throws
    -> LogFollower
  {
    try LogFollower(folder: folder.path, tail: tail, isWanted: isWanted)
  }

  @Test func linesAreToldOnceAndWhole() throws {
    try append("one\ntwo\n", to: "a-1.log")
    try append("no log\n", to: "a.txt")
    var follower = try follower(tail: nil)
    func take() -> [String] { follower.readLines().map { "\($0.source): \($0.text)" } }
    #expect(take() == ["a-1: one", "a-1: two"])
    #expect(!isReadable(follower.descriptor) && take() == [])
    try append("thr", to: "a-1.log")
    #expect(isReadable(follower.descriptor) && take() == [])
    try append("ee\nfo", to: "a-1.log")
    try append("\n\nx\n", to: "b-1.log")
    #expect(isReadable(follower.descriptor))
    #expect(take() == ["a-1: three", "b-1: ", "b-1: ", "b-1: x"])
    // A truncated file is read from its beginning.
    try TemporaryFolder.write("", to: folder.path + "/a-1.log")
    _ = take()
    try append("new\n", to: "a-1.log")
    #expect(take() == ["a-1: new"])
  }

  @Test(arguments: 0...6) func theLastLines(_ tail: Int) throws {
    try append("1\n2\n3\n4\n5\n", to: "whole-1.log")
    try append("1\n2\n3\n4\n5", to: "open-1.log")
    var follower = try follower(tail: tail)
    let expected = (1...5).suffix(tail).map(String.init)
    let lines = follower.readLines()
    #expect(lines.filter { $0.source == "whole-1" }.map(\.text) == expected)
    // An incomplete line is returned once it is complete.
    #expect(lines.filter { $0.source == "open-1" }.map(\.text) == Array(expected.dropLast()))
    try append("!\n", to: "open-1.log")
    #expect(follower.readLines().map(\.text) == [tail == 0 ? "!" : "5!"])
  }

  @Test func onlyWhatIsWanted() throws {
    try append("a\n", to: "a-1.log")
    try append("b\n", to: "b-1.log")
    var follower = try follower(tail: nil) { $0 == "b-1" }
    #expect(follower.readLines().map(\.text) == ["b"])
  }

  /// Files larger than one read, and a line without end: everything is returned, with bounded
  /// memory.
  @Test func largeFiles() throws {
    let line = String(repeating: "y", count: 99)
    try append(String(repeating: line + "\n", count: 6000), to: "a-1.log")
    try append(String(repeating: "z", count: 600_000), to: "b-1.log")
    var follower = try follower(tail: nil)
    var lines: [LogFollower.Line] = []
    while true {
      let some = follower.readLines()
      if some.isEmpty { break }
      // One call returns a bounded part.
      #expect(some.reduce(0) { $0 + $1.text.utf8.count } < 600_000)
      lines += some
    }
    #expect(lines.allSatisfy { $0.text.utf8.count <= 16 << 10 })
    let whole = lines.filter { $0.source == "a-1" }
    #expect(whole.count == 6000 && whole.allSatisfy { $0.text == line })
    #expect(lines.filter { $0.source == "b-1" }.reduce(0) { $0 + $1.text.utf8.count } > 580_000)
  }

  @Test func aFolderThatIsNotThere() {
    #expect(throws: LaunchError.self) {
      let follower = try LogFollower(folder: folder.path + "/none", tail: nil) { _ in true }
      withExtendedLifetime(follower) {}
    }
  }
}
