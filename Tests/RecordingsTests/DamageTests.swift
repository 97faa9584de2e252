// Damaged recordings: nothing crashes, nothing false is read, and damage costs only itself.

import Foundations
import TestSupport
import Testing
import Wire

@testable import Recordings

@Suite struct DamageTests {
  private let folder = TemporaryFolder()
  private var path: String { "\(folder.path)/a.rookery" }
  private var damaged: String { "\(folder.path)/b.rookery" }

  /// Messages 1 to 5 of one source and 1 to 2 of another, in four blocks.
  private func record(isFinished: Bool) throws -> [UInt8] {
    let file = try RecordingFile(path: path, about: Fixture.about, level: 1, isNew: true)
    for number: UInt64 in 1...2 { _ = try file.add(Fixture.source(number)) }
    try file.append(Fixture.block(numbers: 1...2))
    try file.append(Fixture.block(source: 1, numbers: 1...2))
    try file.append(Fixture.block(numbers: 3...3))
    try file.append(Fixture.block(numbers: 4...5))
    if isFinished { try file.finish() }
    return Disk.read(path)
  }

  /// A block with the messages in it.
  private struct Part {
    var header: BlockHeader
    var range: Range<UInt64>
    var messages: [ReadMessage]
  }

  private func parts() throws -> [Part] {
    let reader = try RecordingReader(path: path, scans: true)
    var rest = try Scanned(path).messages[...]
    return reader.allBlocks.map { block in
      let count = Int(block.header.messages)
      defer { rest = rest.dropFirst(count) }
      return Part(
        header: block.header, range: block.offset..<block.frame.upperBound,
        messages: Array(rest.prefix(count)))
    }
  }

  /// The messages of blocks that are whole, and whose source's description is.
  private func readable(_ parts: [Part], _ isWhole: (Range<UInt64>) -> Bool) -> [ReadMessage] {
    let whole = parts.filter { isWhole($0.range) }
    let described = Set(whole.filter { $0.header.kind == .source }.map(\.header.source))
    return whole.filter { described.contains($0.header.source) }.flatMap(\.messages)
  }

  @Test(arguments: [true, false]) func aFileCutAtEveryByte(isFinished: Bool) throws {
    let bytes = try record(isFinished: isFinished)
    let parts = try parts()
    for count in 0...bytes.count {
      Disk.write(Array(bytes[..<count]), to: damaged)
      let expected = readable(parts) { $0.upperBound <= UInt64(count) }
      guard count >= Int(parts[0].range.upperBound) else {
        #expect(throws: RecordingError.self) { try Scanned(damaged) }
        #expect(Disk.read(damaged).count == count)
        continue
      }
      for scans in [true, false] {
        let found = try Scanned(damaged, scans: scans)
        #expect(found.messages == expected, "cut at \(count)")
        let ends = Set(parts.map { Int($0.range.upperBound) } + [bytes.count])
        #expect(found.damage.isEmpty == ends.contains(count), "cut at \(count): \(found.damage)")
      }
      try goOn(with: expected, isDamaged: false, isFinished: count % 16 == 0)
    }
  }

  /// What is appended to a damaged file is read, and what could be read before still is.
  private func goOn(with expected: [ReadMessage], isDamaged: Bool, isFinished: Bool = false) throws {
    let file = try RecordingFile(path: damaged, about: Fixture.about, level: 1)
    let source = try file.add(Fixture.source(9))
    try file.append(Fixture.block(source: source, numbers: 7...8))
    if isFinished { try file.finish() }
    let again = try Scanned(damaged)
    #expect(Array(again.messages.dropLast(2)) == expected)
    #expect(again.messages.suffix(2).map(\.message.number) == [7, 8])
    #expect(again.messages.suffix(2).allSatisfy { $0.incarnation == Fixture.source(9).incarnation })
    if !isDamaged { #expect(again.damage.isEmpty) }
  }

  @Test(arguments: [true, false]) func everyByteFlipped(isFinished: Bool) throws {
    let bytes = try record(isFinished: isFinished)
    let parts = try parts()
    let written = try Scanned(path).messages
    let seed = Seeds.list(count: 1)[0]
    var generator = SeededGenerator(seed: seed)
    for position in bytes.indices {
      var changed = bytes
      changed[position] ^= UInt8(1 + generator.below(255))
      Disk.write(changed, to: damaged)
      let untouched = readable(parts) { !$0.contains(UInt64(position)) }
      for scans in [true, false] {
        let found = try Scanned(damaged, scans: scans)
        // A changed bit that says nothing changes nothing.
        #expect(
          found.messages == untouched || found.messages == written,
          "byte \(position), \(Seeds.replay(seed)): \(found.numbers)")
      }
      if position % 4 == 0 || position < 120 { try goOn(with: Scanned(damaged).messages, isDamaged: true) }
    }
  }

  /// Several changes at once: only what was written is read.
  @Test func manyBytesChanged() throws {
    let bytes = try record(isFinished: true)
    let written = Set(try Scanned(path).messages)
    for seed in Seeds.list(count: 300) {
      var generator = SeededGenerator(seed: seed)
      var changed = bytes
      for _ in 0...generator.below(6) {
        switch generator.below(4) {
        case 0: changed[generator.below(changed.count)] = UInt8(generator.below(256))
        case 1:
          let start = generator.below(changed.count)
          changed.removeSubrange(start..<min(changed.count, start + 1 + generator.below(300)))
        case 2:
          let start = generator.below(changed.count)
          changed.insert(
            contentsOf: changed[start..<min(changed.count, start + 400)], at: generator.below(changed.count))
        default: changed.insert(UInt8(generator.below(256)), at: generator.below(changed.count))
        }
        if changed.isEmpty { changed = [0] }
      }
      Disk.write(changed, to: damaged)
      guard let found = try? Scanned(damaged) else { continue }
      #expect(Set(found.messages).isSubset(of: written), "\(Seeds.replay(seed))")
      #expect((try? RecordingSummary(path: damaged, digests: true)) != nil)
    }
  }

  /// The description of the last source is lost; then the file is gone on with. The new source must
  /// not take its number, or its messages would be read as the new one's.
  @Test func aLostSourceKeepsItsNumber() throws {
    var bytes = try record(isFinished: false)
    let reader = try RecordingReader(path: path, scans: true)
    let second = reader.allBlocks.last { $0.header.kind == .source }!
    bytes[Int(second.offset) + 3] ^= 1
    Disk.write(bytes, to: damaged)
    let before = try Scanned(damaged)
    #expect(before.numbers == [1, 2, 3, 4, 5])
    #expect(
      before.damage.contains {
        $0.problem.contains("expected a description of source 1, found none; 2 messages")
      })
    try goOn(with: before.messages, isDamaged: true)
  }

  @Test func aBlockThatIsBeingWritten() throws {
    let bytes = try record(isFinished: false)
    Disk.write(Array(bytes.dropLast(5)), to: damaged)
    let found = try Scanned(damaged)
    #expect(found.numbers == [1, 2, 1, 2, 3])
    let damage = try #require(found.damage.first)
    #expect(
      damage.problem.contains(
        "at the file's end: the block is being written, or its writer was ended; 2 messages"))
    #expect(damage.problem.contains("numbers 4 to 5 of source 0"))
    // A part of a header.
    let last = try RecordingReader(path: path, scans: true).allBlocks.last!.offset
    for count in [1, 7, 30, 111] {
      Disk.write(Array(bytes[..<(Int(last) + count)]), to: damaged)
      let part = try Scanned(damaged)
      #expect(part.numbers == [1, 2, 1, 2, 3])
      #expect(
        part.damage.first?.problem.contains("found \(count) bytes at the file's end") == true,
        "\(part.damage)")
    }
  }
}
