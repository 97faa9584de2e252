// Writing and reading recordings.

import Experience
import Foundations
import TestSupport
import Testing
import Wire

@testable import Recordings

@Suite struct RecordingTests {
  private let folder = TemporaryFolder()
  private var path: String { "\(folder.path)/a.rookery" }

  private func record(_ blocks: [ClosedRange<UInt64>], isFinished: Bool = true) throws {
    let file = try RecordingFile(path: path, about: Fixture.about, level: 1)
    if file.found.sources.isEmpty { #expect(try file.add(Fixture.source()) == 0) }
    for numbers in blocks { try file.append(Fixture.block(numbers: numbers)) }
    if isFinished { try file.finish() }
  }

  /// The numbers of all messages that can be read.
  private func numbers(_ reader: RecordingReader) throws -> [UInt64] {
    var numbers: [UInt64] = []
    for block in reader.blocks {
      guard var entries = reader.entries(of: block) else { continue }
      while let entry = try entries.next() {
        guard case .message(let message) = entry else { continue }
        #expect(entries.insertion.stepCount == 8)
        #expect(entries.insertion.itemCount == 6)
        #expect(Array(entries.content) == Fixture.content(first: (message.number - 1) * 4))
        numbers.append(message.number)
      }
    }
    return numbers
  }

  @Test(arguments: [true, false]) func whatIsWrittenIsRead(isFinished: Bool) throws {
    try record([1...3, 4...4], isFinished: isFinished)
    let reader = try RecordingReader(path: path)
    #expect(reader.isIndexed == isFinished)
    #expect(reader.about == Fixture.about)
    #expect(reader.sources == [Fixture.source()])
    #expect(try numbers(reader) == [1, 2, 3, 4])
    #expect(reader.damage.isEmpty)
  }

  @Test func aFileIsGoneOnWith() throws {
    try record([1...3])
    try record([4...5])
    try record([6...6], isFinished: false)
    let reader = try RecordingReader(path: path)
    #expect(try numbers(reader) == [1, 2, 3, 4, 5, 6])
    #expect(!reader.isIndexed)
    #expect(reader.damage.isEmpty)
    let file = try RecordingFile(path: path, about: Fixture.about, level: 1)
    #expect(file.found.lastNumbers == [6])
    #expect(file.found.messages == 6)
  }
}
