// The published recording: what Swift writes, and what it must read as.

import Experience
import Foundation
import Foundations
import TestSupport
import Testing
import Wire

@testable import Recordings

/// A recording of two messages, and of two that were missed between them.
enum Vector {
  static let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Fixtures/recordings/small.rookery")

  static let about = RecordingAbout(created: 1_700_000_000_000_000_000, program: "rookery", filter: "")
  static let writer = PublicName(high: 0x0011_2233_4455_6677, low: 0x8899_AABB_CCDD_EEFF)
  static let source = RecordingSource(
    Tap(
      incarnation: Identifier(high: 0xF0E0_D0C0_B0A0_9080, low: 0x7060_5040_3020_1000), shard: 1,
      time: 1_700_000_000_000_000_000, next: 1, schema: .discrete(observation: [2]),
      tables: [TableSchema(name: "experience", kind: .transition(nStep: 1, discount: 0.5))],
      configuration: "seed: 1\n"))!

  static func accepted(_ number: UInt64) -> Accepted {
    Accepted(
      number: number, time: 1_700_000_000_000_000_000 + Int64(number) * 1_000_000, writer: writer,
      label: "actor-1", priorities: [Float(number)])
  }

  static let missed = MissedMessages(numbers: 2...3, time: 1_700_000_000_003_000_000)

  /// Steps `first` and the next of stream 0, and an item over both.
  static func content(first: UInt64, flags: [UInt8], priority: Float?) -> [UInt8] {
    let writer = FrameWriter()
    writer.array(1)
    let columns: [[UInt8]] = [
      bytes([0, 0.25, 0.5, 0.75] as [Float]), bytes([0, 1] as [Int32]), bytes([1, 1] as [Float]), flags,
    ]
    columns[0].withUnsafeBytes { observations in
      columns[1].withUnsafeBytes { actions in
        columns[2].withUnsafeBytes { rewards in
          columns[3].withUnsafeBytes { flags in
            Insert.chunk(
              writer, ChunkHeader(stream: 0, firstIndex: first, count: 2, weightsVersion: 7),
              columns: [observations, actions, rewards, flags])
          }
        }
      }
    }
    var items = ItemColumns()
    if let priority {
      items.append(0, first: first, span: 2, priority: priority)
    } else {
      items.append(0, first: first, span: 2)
    }
    items.withBlock(table: 0) { Insert.items(writer, [$0]) }
    return writer.array()
  }

  private static func bytes<Value: BitwiseCopyable>(_ values: [Value]) -> [UInt8] {
    values.withUnsafeBytes { Array($0) }
  }

  static let messages = [
    ReadMessage(
      incarnation: source.incarnation, message: accepted(1),
      content: content(first: 0, flags: [1, 0], priority: 0.5)),
    ReadMessage(
      incarnation: source.incarnation, message: accepted(4),
      content: content(first: 2, flags: [0, 6], priority: nil)),
  ]

  static func write(to path: String) throws {
    let file = try RecordingFile(path: path, about: about, level: 1, isNew: true)
    var block = BlockBuilder(source: try file.add(source))
    let scratch = FrameWriter()
    for message in messages {
      message.content.withUnsafeBytes {
        block.add(message.message, body: $0, steps: 2, items: 1, scratch: scratch)
      }
      if message.message.number == 1 { block.add(missed, scratch: scratch) }
    }
    try file.append(block)
    try file.finish()
  }
}

@Suite struct VectorTests {
  /// With ROOKERY_UPDATE_FIXTURES=1 the file is first written again.
  private static let path: String = {
    if ProcessInfo.processInfo.environment["ROOKERY_UPDATE_FIXTURES"] == "1" {
      try? FileManager.default.removeItem(at: Vector.url)
      try! Vector.write(to: Vector.url.path)
    }
    return Vector.url.path
  }()

  @Test func isReadAsItsValues() throws {
    let reader = try RecordingReader(path: Self.path)
    #expect(reader.isIndexed && reader.about == Vector.about && reader.sources == [Vector.source])
    let found = try Scanned(Self.path)
    #expect(found.messages == Vector.messages)
    #expect(found.missed == [Vector.missed])
    #expect(found.damage.isEmpty)
    let summary = try RecordingSummary(path: Self.path, digests: true)
    #expect(summary.damage.isEmpty && summary.missed == 2 && summary.episodes == 1)
    #expect(summary.sources[0].actors == ["actor-1": RecordingSummary.Actor(messages: 2, steps: 4)])
    #expect(summary.sources[0].digest?.digest.description == "de2034c31476a21c")
  }

  /// The blocks that Swift writes now are the published ones. Only their frames may differ: another
  /// version of zstd may compress otherwise.
  @Test func isWrittenTheSame() throws {
    let folder = TemporaryFolder()
    let path = "\(folder.path)/a.rookery"
    try Vector.write(to: path)
    let (written, published) = (try RecordingReader(path: path), try RecordingReader(path: Self.path))
    try #require(written.allBlocks.count == published.allBlocks.count)
    for (one, other) in zip(written.allBlocks, published.allBlocks) where one.header.kind != .index {
      let content = try #require(published.content(of: other)).map { $0 }
      #expect(try #require(written.content(of: one)).map { $0 } == content)
      var header = one.header
      header.compressedBytes = other.header.compressedBytes
      #expect(header == other.header)
    }
  }

  /// Runs python/tests/test_recording.py: Python reads the file, and compares docs/RECORDINGS.md.
  @Test(
    .enabled(if: RecordingPython.path != nil, "ROOKERY_PYTHON names no Python with msgpack and zstandard"))
  func pythonReadsIt() throws {
    let script = Vector.url.deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("python/tests/test_recording.py").path
    #expect(try ProcessSpawn("env", [RecordingPython.path!, script]).start().wait() == .exited(code: 0))
  }
}

/// The interpreter named by `ROOKERY_PYTHON`, if it has `msgpack`, `numpy` and `zstandard`.
enum RecordingPython {
  static let path: String? = {
    guard let path = ProcessInfo.processInfo.environment["ROOKERY_PYTHON"] else {
      print("skipped: Python does not read the published recording, ROOKERY_PYTHON is not set")
      return nil
    }
    var probe = ProcessSpawn(path, ["-c", "import msgpack, numpy, zstandard"])
    probe.standardError = .discard
    guard (try? probe.start().wait().isSuccess) == true else {
      print(
        "skipped: Python does not read the published recording, '\(path)' cannot import msgpack, numpy and zstandard"
      )
      return nil
    }
    return path
  }()
}
