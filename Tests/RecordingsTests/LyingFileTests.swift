// Files that were made to deceive, and files that must not be written.

import Experience
import Foundations
import Glibc
import TestSupport
import Testing
import Wire

@testable import Recordings

@Suite struct LyingFileTests {
  private let folder = TemporaryFolder()
  private var path: String { "\(folder.path)/a.rookery" }

  /// A block as a liar makes it.
  private func block(
    _ header: BlockHeader, _ content: [UInt8],
    _ change: (inout BlockHeader, inout [UInt8]) -> Void = { _, _ in }
  ) -> [UInt8] {
    var compressor = Compressor(level: 1)
    content.withUnsafeBytes { compressor.compress($0) }
    var frame = Array(compressor.block(header, trailer: []).dropFirst(BlockHeader.byteCount))
    var header = header
    header.contentBytes = UInt64(content.count)
    header.compressedBytes = UInt64(frame.count)
    change(&header, &frame)
    return header.encode() + frame
  }

  private func description(_ body: (FrameWriter) -> Void) -> [UInt8] {
    let writer = FrameWriter()
    body(writer)
    return writer.array()
  }

  /// The blocks of a file with its description and one source.
  private var start: [UInt8] {
    block(BlockHeader(kind: .about), description(Fixture.about.encode))
      + block(BlockHeader(kind: .source), description(Fixture.source().encode))
  }

  private func messages(_ numbers: ClosedRange<UInt64>) -> (header: BlockHeader, content: [UInt8]) {
    let builder = Fixture.block(numbers: numbers)
    return (builder.header, builder.content)
  }

  @Test func sizesThatLie() throws {
    let (header, content) = messages(1...2)
    let whole = block(header, content)
    let lies = [
      block(header, content) { header, _ in header.contentBytes += 1 },
      block(header, content) { header, _ in header.contentBytes = 1 << 30 },
      // The frame's own size lies as well.
      block(header, content) { header, frame in
        header.contentBytes += 1
        frame[5] &+= 1
      },
      block(header, content) { header, _ in header.compressedBytes = 1 << 62 },
      block(header, content) { header, _ in header.compressedBytes -= 1 },
      block(header, content) { header, frame in
        header.compressedBytes += 4
        frame += [1, 2, 3, 4]
      },
      // 20 bytes that claim a gibibyte of zeros.
      block(header, content) { header, frame in
        frame = [0x28, 0xB5, 0x2F, 0xFD, 0xA0, 0, 0, 0, 0x40, 0x03, 0, 0, 0, 0]
        header.compressedBytes = UInt64(frame.count)
        header.contentBytes = 1 << 30
      },
      // A frame that needs a dictionary.
      block(header, content) { _, frame in frame[4] |= 3 },
    ]
    for (index, lie) in lies.enumerated() {
      Disk.write(start + lie + whole, to: path)
      let found = try Scanned(path)
      #expect(found.numbers == [1, 2], "lie \(index)")
      #expect(!found.damage.isEmpty, "lie \(index)")
    }
  }

  /// Counts, numbers and times of a header that are not those of the entries are found.
  @Test func headersThatLie() throws {
    let (header, content) = messages(3...5)
    let lies: [((inout BlockHeader) -> Void, String)] = [
      ({ $0.messages = 4 }, "expected 4 messages, as the header says, found 3"),
      ({ $0.steps = 25 }, "expected 25 steps, as the header says, found 24"),
      ({ $0.items = 0 }, "expected 0 items, as the header says, found 18"),
      ({ $0.missed = 1 }, "expected 1 missed messages, as the header says, found 0"),
      ({ $0.firstNumber = 4 }, "expected numbers 4 to 5, as the header says, found 3 to 3"),
      ({ $0.lastNumber = 4 }, "expected numbers 3 to 4, as the header says, found 5 to 5"),
      ({ $0.firstTime = $0.lastTime }, "as the header says, found 1003000000"),
    ]
    for (lie, problem) in lies {
      Disk.write(start + block(header, content) { header, _ in lie(&header) }, to: path)
      let summary = try RecordingSummary(path: path)
      #expect(summary.damage.contains { $0.problem.contains(problem) }, "\(summary.damage)")
      #expect(summary.messages == 3)
    }
    // A block has at least as many bytes as messages.
    Disk.write(start + block(header, content) { header, _ in header.messages = 1 << 40 }, to: path)
    #expect(try Scanned(path).messages.isEmpty)
  }

  @Test func sourcesThatAreNotThere() throws {
    var (header, content) = messages(1...2)
    for number: UInt32 in [1, 65_535, 65_536, .max] {
      header.source = number
      Disk.write(start + block(header, content), to: path)
      let found = try Scanned(path)
      #expect(found.messages.isEmpty)
      #expect(
        found.damage.contains {
          $0.problem.contains("a description of source \(number), found none; 2 messages")
        })
    }
  }

  /// The entries before a damaged one are read, and nothing behind it.
  @Test func entriesThatLie() throws {
    let (header, content) = messages(1...2)
    let lies: [[UInt8]] = [
      [0xDD, 0xFF, 0xFF, 0xFF, 0xFF], [0x98, 0x01, 0xCF], [0x94, 2, 9, 3, 0], [0x94, 2, 0xFF, 3, 0],
      [0x91, 9],
      [0x94, 0, 0, 0xA0, 0xA0], [0xC0], Array(content.prefix(100)),
    ]
    for lie in lies {
      Disk.write(start + block(header, content + lie + content), to: path)
      let found = try Scanned(path)
      #expect(found.numbers == [1, 2])
      #expect(found.damage.count == 1 && found.damage[0].problem.contains("its content is damaged at byte"))
    }
  }

  /// More missed messages than numbers.
  @Test func countsBeyondSums() throws {
    let scratch = FrameWriter()
    var bytes = start
    for _ in 0..<6 {
      var builder = BlockBuilder(source: 0)
      builder.add(MissedMessages(numbers: 1...1 << 62, time: 1_000_000_000), scratch: scratch)
      bytes += block(builder.header, builder.content)
      bytes += block(builder.header, builder.content + builder.content)
    }
    Disk.write(bytes, to: path)
    let summary = try RecordingSummary(path: path)
    #expect(summary.missed == 1 << 62)
    let result = try RecordingCutter.cut(path, to: "\(folder.path)/cut", now: 0)
    #expect(result.missed == 1 << 62)
    #expect(try RecordingSummary(path: "\(folder.path)/cut").damage.isEmpty)
    let merged = try RecordingMerger.merge([path, path], to: "\(folder.path)/merged", now: 0)
    #expect(merged.missed == 1 << 62)
    let file = try RecordingFile(path: path, about: Fixture.about, level: 1)
    #expect(file.found.lastNumbers == [1 << 62])
  }

  /// Blocks that could not be written are told of by a later one.
  @Test func missedMessagesThatAreToldOfLate() throws {
    let file = try RecordingFile(path: path, about: Fixture.about, level: 1)
    _ = try file.add(Fixture.source())
    let scratch = FrameWriter()
    try file.append(Fixture.block(numbers: 1...2))
    try file.append(Fixture.block(numbers: 5...6))
    var late = Fixture.block(numbers: 7...8)
    late.add(MissedMessages(numbers: 3...4, time: 1_009_000_000), scratch: scratch)
    try file.append(late)
    try file.finish()
    for copy in [false, true] {
      if copy {
        _ = try RecordingCutter.cut(path, to: "\(folder.path)/cut", now: 0)
        _ = try RecordingMerger.merge([path], to: "\(folder.path)/merged", now: 0)
      }
      for name in copy ? ["cut", "merged"] : ["a.rookery"] {
        let summary = try RecordingSummary(path: "\(folder.path)/\(name)")
        #expect(summary.damage.isEmpty && summary.lost == 0, "\(name): \(summary.damage)")
        #expect(summary.sources[0].missed.ranges == [3...4], "\(name)")
        #expect(try Scanned("\(folder.path)/\(name)").numbers == [1, 2, 5, 6, 7, 8])
      }
    }
  }

  @Test func anIndexOfAnotherFile() throws {
    func make(_ name: String, _ blocks: [ClosedRange<UInt64>]) throws -> [UInt8] {
      let file = try RecordingFile(path: "\(folder.path)/\(name)", about: Fixture.about, level: 1)
      _ = try file.add(Fixture.source())
      for numbers in blocks { try file.append(Fixture.block(numbers: numbers)) }
      try file.finish()
      return Disk.read("\(folder.path)/\(name)")
    }
    func end(_ bytes: [UInt8], _ name: String) throws -> [UInt8] {
      let reader = try RecordingReader(path: "\(folder.path)/\(name)", scans: true)
      return Array(bytes[Int(reader.allBlocks.last!.offset)...])
    }
    let one = try make("one", [1...2, 3...4])
    let two = try make("two", [5...6, 7...8])
    let three = try make("three", [1...1, 2...4])
    for (other, name) in [(two, "two"), (three, "three")] {
      let own = try end(one, "one")
      let foreign = try end(other, name)
      var bytes = Array(one.dropLast(own.count)) + foreign
      // The trailer leads to the foreign index.
      bytes.replaceSubrange(
        bytes.count - 32..<bytes.count, with: Trailer.encode(index: UInt64(one.count - own.count)))
      Disk.write(bytes, to: path)
      #expect(try Scanned(path, scans: false).numbers == [1, 2, 3, 4], "\(name)")
      let damage = try RecordingSummary(path: path).damage
      #expect(damage.contains { $0.problem.contains("expected an index") }, "\(damage)")
    }
  }

  @Test func twoRecordingsInOneFile() throws {
    let (header, content) = messages(1...2)
    let bytes = start + block(header, content)
    Disk.write(bytes + bytes, to: path)
    let found = try Scanned(path)
    #expect(found.numbers == [1, 2])
    #expect(found.damage.first?.range == UInt64(bytes.count)..<UInt64(2 * bytes.count))
    #expect(found.damage.first?.problem.contains("the beginning of another") == true)
    let before = Disk.read(path)
    let error = #expect(throws: RecordingError.self) {
      try RecordingFile(path: path, about: Fixture.about, level: 1)
    }
    #expect(error?.problem.contains("rookery recording cut") == true)
    #expect(Disk.read(path) == before)
  }

  @Test func anotherVersionIsRefused() throws {
    var header = block(BlockHeader(kind: .about), description(Fixture.about.encode))
    header[16] = 7
    header.replaceSubrange(108..<112, with: [])
    var sum: [UInt8] = []
    sum.littleEndian(CRC32.of(Array(header[..<108])))
    header.insert(contentsOf: sum, at: 108)
    Disk.write(header, to: path)
    for open: () throws -> Void in [
      { _ = try RecordingReader(path: path) },
      { _ = try RecordingFile(path: path, about: Fixture.about, level: 1) },
    ] {
      let error = #expect(throws: RecordingError.self, performing: open)
      #expect(error?.problem.contains("expected version 1 of the format, found 7") == true)
    }
    #expect(Disk.read(path) == header)
  }

  @Test func whatIsNoRecordingStaysAsItIs() throws {
    for bytes: [UInt8] in [
      [1], Array("a letter".utf8), Array(repeating: 0x52, count: 5000), Array(start.prefix(50)),
    ] {
      Disk.write(bytes, to: path)
      #expect(throws: RecordingError.self) { try RecordingReader(path: path) }
      #expect(throws: RecordingError.self) { try RecordingFile(path: path, about: Fixture.about, level: 1) }
      #expect(Disk.read(path) == bytes)
    }
    #expect(throws: RecordingError.self) { try RecordingReader(path: folder.path) }
    #expect(throws: RecordingError.self) { try RecordingReader(path: "\(folder.path)/none") }
    #expect(throws: RecordingError.self) {
      try RecordingFile(path: folder.path, about: Fixture.about, level: 1)
    }
    #expect(throws: RecordingError.self) {
      try RecordingFile(path: path, about: Fixture.about, level: 1, isNew: true)
    }
    #expect(Disk.read(path) == Array(start.prefix(50)))
  }

  @Test func aFileHasOneWriter() throws {
    let file = try RecordingFile(path: path, about: Fixture.about, level: 1)
    let error = #expect(throws: RecordingError.self) {
      try RecordingFile(path: path, about: Fixture.about, level: 1)
    }
    #expect(error?.problem.contains("another process writes this file") == true)
    _ = try file.add(Fixture.source())
    #expect(try RecordingReader(path: path).sources.count == 1)
  }

  @Test func aFullDisk() throws {
    guard let disk = TinyDisk(kibibytes: 256) else { return }
    let path = "\(disk.path)/a.rookery"
    let file = try RecordingFile(path: path, about: Fixture.about, level: 1)
    _ = try file.add(Fixture.source())
    try file.append(Fixture.block(numbers: 1...3))
    disk.fill()
    let size = file.byteCount
    // Some blocks may still fit into the file's last page.
    var last: UInt64 = 3
    var failure: SystemCallError?
    while failure == nil {
      do throws(SystemCallError) {
        try file.append(Fixture.block(numbers: last + 1...last + 20))
        last += 20
      } catch {
        failure = error
      }
    }
    #expect(failure?.code == ENOSPC)
    #expect(file.byteCount >= size && Disk.read(path).count == Int(file.byteCount))
    #expect(try Scanned(path).numbers == Array(1...last))
    #expect(throws: SystemCallError.self) { try file.append(Fixture.block(numbers: last + 1...last + 20)) }
    disk.empty()
    try file.append(Fixture.block(numbers: last + 1...last + 2))
    try file.finish()
    let found = try Scanned(path, scans: false)
    #expect(found.numbers == Array(1...last + 2))
    #expect(found.damage.isEmpty)
    // A copy for which there is no room leaves nothing behind.
    disk.fill()
    #expect(throws: (any Error).self) { try RecordingCutter.cut(path, to: "\(disk.path)/b.rookery", now: 0) }
    #expect(open("\(disk.path)/b.rookery", O_RDONLY) == -1)
  }
}
