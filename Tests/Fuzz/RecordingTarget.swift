// Any bytes as a recording.

import Experience
import Foundations
import Glibc
import Wire

@testable import Recordings

/// The first byte of an input selects what the rest is: a file, or what a file is made of: blocks
/// with valid checksums and any content. The file is read, checked, cut, merged and gone on with.
enum RecordingTarget {
  static func run(_ input: UnsafeRawBufferPointer) {
    var source = ByteSource(input)
    let path = "\(Files.root)/recording"
    let isMade = source.rarely(2)
    Files.write(path, isMade ? made(&source) : Array(input.dropFirst()))
    defer { for name in ["", ".cut", ".part", ".merged"] { unlink(path + name) } }
    do throws(RecordingError) {
      for scans in [true, false] { read(try RecordingReader(path: path, scans: scans)) }
      let summary = try RecordingSummary(path: path, digests: true)
      for damage in summary.damage {
        expect(damage.description.utf8.count < 4096, "a reason of \(damage.description.utf8.count) bytes")
        expect(
          damage.range.upperBound <= summary.fileBytes, "\(damage): there are \(summary.fileBytes) bytes")
      }
      copy(path, summary)
      goOn(path)
    } catch {
      expect(error.description.utf8.count < 4096, "a reason of \(error.description.utf8.count) bytes")
    }
  }

  private static func read(_ reader: RecordingReader) {
    for block in reader.blocks {
      guard var entries = reader.entries(of: block) else { continue }
      while reader.next(&entries, of: block) != nil {
        for items in entries.insertion.items {
          for index in 0..<items.count { _ = items[index] }
        }
      }
    }
  }

  /// Copies are whole recordings, and have what could be read.
  private static func copy(_ path: String, _ summary: RecordingSummary) {
    var selection = RecordingSelection()
    selection.from = 1
    selection.tables = Set(summary.sources.compactMap { $0.description?.tables.first?.name }.prefix(1))
    do {
      let cut = try RecordingCutter.cut(path, to: path + ".cut", now: 0)
      let whole = try RecordingSummary(path: path + ".cut")
      expect(whole.damage.isEmpty, "a mended recording is damaged: \(whole.damage)")
      expect(whole.messages == cut.messages && cut.messages <= summary.messages, "\(cut): \(whole.messages)")
      _ = try RecordingCutter.cut(path, to: path + ".part", selection, now: 0)
      let part = try RecordingSummary(path: path + ".part")
      expect(part.damage.isEmpty, "a part of a recording is damaged: \(part.damage)")
      let merged = try RecordingMerger.merge([path, path + ".cut"], to: path + ".merged", now: 0)
      let both = try RecordingSummary(path: path + ".merged")
      expect(both.damage.isEmpty, "a merged recording is damaged: \(both.damage)")
      expect(both.messages == merged.messages, "\(merged): \(both.messages)")
    } catch let error as RecordingError {
      expect(error.problem.contains("expected"), "\(error)")
    } catch {
      fatalError("\(error)")
    }
  }

  /// What could be read before still is, and what is appended is.
  private static func goOn(_ path: String) {
    do throws(RecordingError) {
      let before = try RecordingSummary(path: path)
      let file = try RecordingFile(
        path: path, about: RecordingAbout(created: 0, program: "", filter: ""), level: 1)
      guard let source = try? file.add(description), source < 1 << 16 else { return }
      var block = BlockBuilder(source: source)
      add([0x90, 0x90], steps: 0, items: 0, number: 1, to: &block)
      expect((try? file.append(block)) != nil, "a block cannot be appended")
      let after = try RecordingSummary(path: path)
      expect(
        after.messages == before.messages + 1, "\(before.messages) messages, one more makes \(after.messages)"
      )
    } catch {
      expect(error.problem.contains("expected"), "\(error)")
    }
  }
}

// MARK: - Making files

extension RecordingTarget {
  static let description = RecordingSource(
    Tap(
      incarnation: Identifier(high: 1, low: 2), shard: 1, time: 1, next: 1,
      schema: .discrete(observation: [4]),
      tables: [TableSchema(name: "t", kind: .record)], configuration: ""))!

  /// Blocks of what the input says: `[kind, source, length, content …]`.
  private static func made(_ source: inout ByteSource) -> [UInt8] {
    var file: [UInt8] = []
    while !source.isEmpty {
      var header = BlockHeader(kind: BlockKind.allCases[source.below(BlockKind.allCases.count)])
      header.source = UInt32(source.below(4))
      let changes = source.below(8)
      let content = source.bytes(Int(source.byte()) << 8 | Int(source.byte()))
      if header.kind == .messages { tell(&header, content) }
      if changes == 7 { change(&header, &source) }
      var compressor = Compressor(level: 1)
      content.withUnsafeBytes { compressor.compress($0) }
      header.contentBytes = header.contentBytes.adding(UInt64(content.count))
      header.compressedBytes = UInt64(compressor.frameBytes)
      if changes == 6 { header.compressedBytes = source.number() }
      file += Array(compressor.block(header, trailer: []))
      if header.kind == .index { file += Trailer.encode(index: UInt64(source.number())) }
    }
    return file
  }

  private static func change(_ header: inout BlockHeader, _ source: inout ByteSource) {
    let value = source.number()
    switch source.below(8) {
    case 0: header.firstNumber = value
    case 1: header.lastNumber = value
    case 2: header.firstTime = Int64(truncatingIfNeeded: value)
    case 3: header.lastTime = Int64(truncatingIfNeeded: value)
    case 4: header.messages = value
    case 5: header.steps = value
    case 6: header.missed = value
    default: header.contentBytes = value >> 32
    }
  }

  /// Makes a header match its entries, as far as they can be read.
  private static func tell(_ header: inout BlockHeader, _ content: [UInt8]) {
    header.firstNumber = .max
    header.firstTime = .max
    content.withUnsafeBytes { bytes in
      var entries = RecordedEntries(bytes, of: description)
      while let entry = try? entries.next() {
        let numbers: ClosedRange<UInt64>
        let time: Int64
        switch entry {
        case .message(let message):
          (numbers, time) = (message.number...message.number, message.time)
          header.messages += 1
          header.steps += UInt64(entries.insertion.stepCount)
          header.items += UInt64(entries.insertion.itemCount)
        case .missed(let missed):
          (numbers, time) = (missed.numbers, missed.time)
          header.missed = min(BlockHeader.numberMax, header.missed.adding(missed.count))
        }
        header.firstNumber = min(header.firstNumber, numbers.lowerBound)
        header.lastNumber = max(header.lastNumber, numbers.upperBound)
        header.firstTime = min(header.firstTime, time)
        header.lastTime = max(header.lastTime, time)
      }
    }
    if header.lastNumber == 0 { (header.firstNumber, header.firstTime) = (0, 0) }
  }

  private static func add(
    _ body: [UInt8], steps: Int, items: Int, number: UInt64, to block: inout BlockBuilder
  ) {
    let message = Accepted(
      number: number, time: Int64(number), writer: PublicName(high: 0, low: number % 2), label: "a",
      priorities: [1])
    body.withUnsafeBytes {
      block.add(message, body: $0, steps: steps, items: items, scratch: FrameWriter())
    }
  }

  /// First inputs: whole files, and what they are made of, with the published INSERTs.
  static func seeds(_ frames: [[UInt8]]) -> [[UInt8]] {
    let bodies = frames.compactMap { frame -> [UInt8]? in
      frame.withUnsafeBytes { bytes in
        var cursor = FrameCursor(bytes)
        guard (try? cursor.openMessage()) == .insert, (try? Insert.sequence(from: &cursor)) != nil else {
          return nil
        }
        return Array(bytes[cursor.offset...])
      }
    }
    let writer = FrameWriter()
    RecordingAbout(created: 1, program: "p", filter: "f").encode(into: writer)
    let about = writer.array()
    writer.clear()
    description.encode(into: writer)
    let source = writer.array()
    var block = BlockBuilder(source: 0)
    for (index, body) in bodies.enumerated() {
      add(body, steps: 0, items: 0, number: UInt64(index + 1), to: &block)
    }
    block.add(MissedMessages(numbers: 8...9, time: 9), scratch: writer)
    func part(_ kind: UInt8, _ number: UInt8, _ content: [UInt8]) -> [UInt8] {
      [kind, number, 0, UInt8(content.count >> 8), UInt8(content.count & 255)] + content
    }
    let parts = [part(0, 0, about), part(1, 0, source), part(1, 1, source), part(2, 0, block.content)]
    let recipe = parts.reduce([1], +)
    let file = recipe.withUnsafeBytes { bytes in
      var source = ByteSource(bytes)
      _ = source.byte()
      return made(&source)
    }
    return [recipe, recipe + part(2, 1, block.content), recipe + part(2, 0, block.content), [0] + file]
  }
}
