// Cutting, merging and digests against a naive model.

import Experience
import Foundations
import TestSupport
import Testing
import Wire

@testable import Recordings

@Suite struct ModelTests {
  private let folder = TemporaryFolder()

  private func path(_ name: String, _ seed: UInt64) -> String { "\(folder.path)/\(name)-\(seed).rookery" }

  /// Everything is recorded at random, some of it not.
  private func fates(_ seed: UInt64) -> (ModelMessage) -> RandomRecording.Fate {
    { message in
      var generator = SeededGenerator(seed: seed, part: "fate", index: Int(message.accepted.number))
      return [.recorded, .recorded, .recorded, .recorded, .skipped, .missed][generator.below(6)]
    }
  }

  @Test(arguments: Seeds.list(count: 30)) func cutting(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let recording = RandomRecording(1, messages: 40, using: &generator)
    let fate = fates(seed)
    let missed = try recording.record(to: path("a", seed), &generator, keep: fate)
    let recorded = recording.messages.filter { fate($0) == .recorded }
    let beginning = try #require(try RecordingReader(path: path("a", seed)).beginning)

    let whole = try RecordingCutter.cut(path("a", seed), to: path("whole", seed), now: 0)
    #expect(try Scanned(path("whole", seed)).messages == recording.read { fate($0) == .recorded })
    #expect(
      whole.missed == missed.count && whole.messages == UInt64(recorded.count) && whole.blocksCopied > 0)
    #expect(try RecordingSummary(path: path("whole", seed)).damage.isEmpty)

    var selection = RecordingSelection()
    if generator.below(2) == 0 {
      selection.from = Int64(generator.below(30)) * 1_000_000 + Int64(generator.below(2))
    }
    if generator.below(2) == 0 {
      selection.until = (selection.from ?? 0) + Int64(generator.below(30)) * 1_000_000
    }
    if generator.below(2) == 0 { selection.actors = ["actor-1", "actor-3"] }
    if generator.below(2) == 0 { selection.tables = ["steps"] }
    _ = try RecordingCutter.cut(path("a", seed), to: path("part", seed), selection, now: 0)
    let expected = recorded.compactMap { message -> ReadMessage? in
      let offset = message.accepted.time - beginning
      guard offset >= selection.from ?? .min, offset < selection.until ?? .max,
        selection.actors?.contains(message.accepted.label) ?? true
      else { return nil }
      let tables: Set<Int>? = selection.tables == nil ? nil : [1]
      let hasSome = !message.chunks.isEmpty || message.items.contains { tables?.contains($0.table) ?? true }
      guard tables == nil || hasSome || message.items.isEmpty else { return nil }
      return ReadMessage(
        incarnation: recording.source.incarnation, message: message.accepted,
        content: message.content(tables: tables))
    }
    let found = try Scanned(path("part", seed))
    #expect(found.messages.map(\.message) == expected.map(\.message), "\(selection), \(Seeds.replay(seed))")
    for (found, expected) in zip(found.messages, expected) {
      #expect(try Self.values(found.content) == Self.values(expected.content), "\(Seeds.replay(seed))")
    }
    let summary = try RecordingSummary(path: path("part", seed))
    #expect(summary.damage.isEmpty && summary.lost == 0, "\(summary.damage), \(Seeds.replay(seed))")
  }

  /// Chunks and items without the paddings, which depend on where they stand.
  private static func values(_ content: [UInt8]) throws -> [[UInt64]] {
    try content.withUnsafeBytes { bytes in
      var cursor = FrameCursor(bytes)
      var insertion = Insertion(columnsPerChunk: Fixture.schema.columnCount)
      try Insert.content(
        from: &cursor, schema: Fixture.schema, rowBytes: Fixture.source().rowBytes, into: &insertion)
      let columns = insertion.columns.map { $0.map(UInt64.init) }
      let headers = insertion.chunks.map {
        [UInt64($0.stream), $0.firstIndex, UInt64($0.count), $0.weightsVersion]
      }
      let items = insertion.items.map { block in
        (0..<block.count).flatMap { index -> [UInt64] in
          let item = block[index]
          let priority = item.priority.map { UInt64($0.bitPattern) } ?? .max
          return [UInt64(block.table), UInt64(item.stream), item.firstIndex, UInt64(item.count), priority]
        }
      }
      return columns + headers + items
    }
  }

  @Test(arguments: Seeds.list(count: 40)) func merging(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let shared = RandomRecording(1, messages: 40, using: &generator)
    let other = RandomRecording(2, messages: 10, using: &generator)
    // Two recorders of one shard, which begin and end at different times, and one of another shard.
    let bounds = (0..<2).map { _ -> ClosedRange<UInt64> in
      let first = UInt64(1 + generator.below(30))
      return first...first + UInt64(generator.below(20))
    }
    let fates = (0..<2 as Range<UInt64>).map { file in
      { (message: ModelMessage) -> RandomRecording.Fate in
        bounds[Int(file)].contains(message.accepted.number) ? self.fates(seed * 2 + file)(message) : .skipped
      }
    }
    var paths: [String] = []
    for file in 0..<2 {
      paths.append(path("f\(file)", seed))
      _ = try shared.record(to: paths[file], &generator, keep: fates[file])
    }
    paths.append(path("other", seed))
    _ = try other.record(to: paths[2], &generator) { _ in .recorded }
    for index in paths.indices.reversed() { paths.swapAt(index, generator.below(index + 1)) }
    let result = try RecordingMerger.merge(paths, to: path("merged", seed), now: 0)
    let found = try Scanned(path("merged", seed))
    let isShared: (ReadMessage) -> Bool = { $0.incarnation == shared.source.incarnation }
    let expected = shared.read { message in fates.contains { $0(message) == .recorded } }
    #expect(found.messages.filter(isShared) == expected, "\(Seeds.replay(seed))")
    #expect(found.messages.filter { !isShared($0) } == other.read { _ in true }, "\(Seeds.replay(seed))")
    let both = shared.messages.filter { message in fates.allSatisfy { $0(message) == .recorded } }
    #expect(result.repeated == UInt64(both.count), "\(Seeds.replay(seed))")
    let summary = try RecordingSummary(path: path("merged", seed))
    #expect(summary.damage.isEmpty && summary.lost == 0, "\(summary.damage) \(Seeds.replay(seed))")
    // What one file misses and the other has is not missed.
    let missed = shared.messages.filter { message in
      !fates.contains { $0(message) == .recorded }
        && fates.contains { fate in
          // Before its first message a file tells of nothing.
          fate(message) == .missed
            && shared.messages.contains {
              fate($0) == .recorded && $0.accepted.number < message.accepted.number
            }
        }
    }.map(\.accepted.number)
    let told = summary.sources.first { $0.description?.incarnation == shared.source.incarnation }?.missed
    for number in missed {
      #expect(told?.ranges.contains { $0.contains(number) } ?? false, "\(number), \(Seeds.replay(seed))")
    }
    for number in told?.ranges.flatMap({ Array($0) }) ?? [] {
      #expect(!expected.contains { $0.message.number == number }, "\(number), \(Seeds.replay(seed))")
    }
  }

  @Test(arguments: Seeds.list(count: 30)) func digests(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let recording = RandomRecording(1, messages: 40, using: &generator)
    let first = UInt64(generator.below(10))
    _ = try recording.record(to: path("a", seed), &generator) {
      $0.accepted.number > first ? .recorded : .skipped
    }
    let expected = Self.digest(recording.messages.filter { $0.accepted.number > first })
    let summary = try RecordingSummary(path: path("a", seed), digests: true)
    #expect(summary.sources[0].digest?.digest == expected.digest, "\(Seeds.replay(seed))")
    #expect(summary.sources[0].digest?.itemsLeftOut == expected.leftOut)
    #expect(expected.leftOut > 0 || first == 0)
    // Messages, chunks and blocks make no difference.
    _ = try RecordingCutter.cut(path("a", seed), to: path("b", seed), now: 0)
    let again = try RecordingSummary(path: path("b", seed), digests: true)
    #expect(again.sources[0].digest?.digest == expected.digest)
  }

  /// Finds first steps by a list of all steps.
  private static func digest(_ messages: [ModelMessage]) -> (digest: ExperienceDigest, leftOut: UInt64) {
    var digest = ExperienceDigest()
    var steps: [(writer: PublicName, stream: UInt32, index: UInt64)] = []
    var leftOut: UInt64 = 0
    for message in messages {
      let content = message.content
      content.withUnsafeBytes { bytes in
        var cursor = FrameCursor(bytes)
        var insertion = Insertion(columnsPerChunk: Fixture.schema.columnCount)
        try? Insert.content(
          from: &cursor, schema: Fixture.schema, rowBytes: Fixture.source().rowBytes, into: &insertion)
        for (index, chunk) in insertion.chunks.enumerated() {
          digest.add(insertion, chunk: index, at: UInt64(steps.count))
          for step in 0..<UInt64(chunk.count) {
            steps.append((message.accepted.writer, chunk.stream, chunk.firstIndex + step))
          }
        }
      }
      var largest = message.accepted.priorities
      for block in message.items {
        for item in block.items {
          let position = steps.firstIndex {
            $0.writer == message.accepted.writer && $0.stream == item.stream && $0.index == item.firstIndex
          }
          guard let position else {
            leftOut += 1
            continue
          }
          let priority = item.priority ?? largest[block.table]
          largest[block.table] = max(largest[block.table], priority)
          digest.add(table: block.table, position: UInt64(position), span: item.count, priority: priority)
        }
      }
    }
    return (digest, leftOut)
  }
}
