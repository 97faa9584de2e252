// How large recordings are.

import Experience
import Foundation
import Foundations
import TestSupport
import Testing
import Wire

@testable import Recordings

@Suite struct SizeTests {
  private static let frameBytes = 84 * 84
  private static let environments = 4
  private static let steps = 128

  /// Frames of ALE/Pong-v5, environment by environment (python/fixtures/make_pong.py).
  private static func frames() throws -> [UInt8] {
    let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let file = try Data(contentsOf: URL(filePath: "/\(root)/Tests/Fixtures/recordings/pong.zst"))
    let count = environments * steps * frameBytes
    let decompressor = Decompressor()
    return try Array(file).withUnsafeBytes { frame in
      let content = try #require(decompressor.decompress(frame, contentBytes: count))
      return withExtendedLifetime(decompressor) { Array(content) }
    }
  }

  /// A message of `count` steps of each environment, as an actor sends it.
  private static func content(_ frames: [UInt8], from first: Int, count: Int) -> [UInt8] {
    let writer = FrameWriter()
    writer.array(environments)
    var items = ItemColumns()
    for environment in 0..<environments {
      let start = (environment * steps + first) * frameBytes
      let columns: [[UInt8]] = [
        Array(frames[start..<start + count * frameBytes]), Array(repeating: 2, count: count * 4),
        Array(repeating: 0, count: count * 4),
        (0..<count).map { first + $0 == 0 ? StepFlags.isFirst.rawValue : 0 },
      ]
      let header = ChunkHeader(
        stream: UInt32(environment), firstIndex: UInt64(first), count: count, weightsVersion: 7)
      withViews(columns) { Insert.chunk(writer, header, columns: $0) }
      for step in 0..<count {
        // Priorities are noise, as TD errors are.
        let noise = UInt32(truncatingIfNeeded: (first + step) * 2_654_435_761 + environment)
        items.append(environment, first: UInt64(first + step), span: 4, priority: Float(noise))
      }
    }
    Insert.beginItems(writer, blocks: 1)
    items.withBlock(table: 0) { Insert.items(writer, $0) }
    return writer.array()
  }

  /// Real Atari frames take at most 0.6 KB a step, however few steps a block has.
  @Test(arguments: [4, 16]) func framesOfPong(stepsPerMessage: Int) throws {
    let frames = try Self.frames()
    let folder = TemporaryFolder()
    let file = try RecordingFile(path: "\(folder.path)/pong.rookery", about: Fixture.about, level: 1)
    var source = Fixture.source()
    source.schema = .discrete(observation: [84, 84], dtype: .uint8, stack: 4)
    #expect(try file.add(source) == 0)
    let scratch = FrameWriter()
    for first in stride(from: 0, to: Self.steps, by: stepsPerMessage) {
      // A block for each message: the worst case.
      var block = BlockBuilder(source: 0)
      let content = Self.content(frames, from: first, count: stepsPerMessage)
      content.withUnsafeBytes {
        block.add(
          Fixture.accepted(UInt64(first / stepsPerMessage + 1)), body: $0,
          steps: Self.environments * stepsPerMessage, items: Self.environments * stepsPerMessage,
          scratch: scratch)
      }
      try file.append(block)
    }
    try file.finish()
    let bytesAStep = Double(file.byteCount) / Double(Self.environments * Self.steps)
    #expect(bytesAStep <= 600, "\(bytesAStep) bytes a step")
    // What was written is read.
    let reader = try RecordingReader(path: file.path)
    var read = 0
    for block in reader.blocks {
      var entries = try #require(reader.entries(of: block))
      while try entries.next() != nil { read += entries.insertion.stepCount }
    }
    #expect(read == Self.environments * Self.steps && reader.damage.isEmpty)
  }
}
