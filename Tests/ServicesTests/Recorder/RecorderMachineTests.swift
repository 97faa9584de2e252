// The recorder's machine, on what a real shard publishes.

import Configuration
import Experience
import Foundations
import Recordings
import ReplayStore
import Testing
import Wire

@testable import Services

@Suite struct RecorderMachineTests {
  /// A shard that publishes to a recorder.
  private struct Shard {
    var replay: ReplayHarness
    private var sequences: [UInt64: UInt64] = [:]

    init(shard: Int = 1, incarnation: UInt64 = 99) throws {
      replay = try ReplayHarness(store: Fixtures.store(capacity: 10_000)) {
        $0.isTapped = true
        $0.shard = shard
      }
      if incarnation != 99 {
        replay.machine = try ReplayMachine(
          configuration: replay.machine.configuration, incarnation: Fixtures.id(incarnation),
          generator: SeededGenerator(seed: 1), now: .at(0))
      }
    }

    mutating func subscribe() { replay.machine.tapWasSubscribed(now: .at(0), sink: replay.sink) }

    /// Inserts a message of `rows` steps of a writer.
    mutating func insert(_ writer: UInt64, rows: Int = 3, at milliseconds: Double = 0) {
      let sequence = (sequences[writer] ?? 0) + 1
      if sequence == 1 { _ = replay.receive(Fixtures.hello(writer), from: writer) }
      sequences[writer] = sequence
      _ = replay.receive(
        Fixtures.insert(sequence, first: (sequence - 1) * UInt64(rows), rows: rows), from: writer,
        at: milliseconds)
    }

    mutating func take() -> [[UInt8]] { replay.sink.takePublications().map(\.bytes) }
  }

  private func machine(
    _ configure: (inout RecorderConfiguration) -> Void = { _ in }, found: RecordingFile.Found = .init(),
    blockBytes: Int = 1 << 20
  ) -> RecorderMachine {
    var configuration = RecorderConfiguration()
    configure(&configuration)
    return RecorderMachine(filter: RecordingFilter(configuration), found: found, blockBytes: blockBytes)
  }

  private func receive(_ frames: [[UInt8]], _ machine: inout RecorderMachine, at milliseconds: Double = 0) {
    for frame in frames { frame.withUnsafeBytes { machine.receive($0, now: .at(milliseconds)) } }
  }

  /// The sources and blocks that a machine has made.
  private func result(_ machine: inout RecorderMachine) -> (
    sources: [RecordingSource], blocks: [BlockBuilder]
  ) {
    machine.finish()
    var (sources, blocks) = ([RecordingSource](), [BlockBuilder]())
    for action in machine.takeActions() {
      switch action {
      case .source(let source): sources.append(source)
      case .block(let block): blocks.append(block)
      }
    }
    return (sources, blocks)
  }

  /// The entries of all blocks of one source.
  private func entries(_ blocks: [BlockBuilder], _ source: RecordingSource) throws -> [RecordedEntry] {
    var found: [RecordedEntry] = []
    for block in blocks {
      try block.content.withUnsafeBytes { content in
        var entries = RecordedEntries(content, of: source)
        while let entry = try entries.next() { found.append(entry) }
      }
    }
    return found
  }

  private func numbers(_ entries: [RecordedEntry]) -> [[UInt64]] {
    entries.map { entry in
      switch entry {
      case .message(let message): [message.number]
      case .missed(let missed): [missed.numbers.lowerBound, missed.numbers.upperBound]
      }
    }
  }

  @Test func everyMessageIsRecordedInOrder() throws {
    var shard = try Shard()
    shard.subscribe()
    for index in 0..<20 { shard.insert(UInt64(index % 3), at: Double(index)) }
    var machine = machine(blockBytes: 1000)
    receive(shard.take(), &machine)
    let (sources, blocks) = result(&machine)
    #expect(sources.map(\.incarnation) == [Fixtures.id(99)] && sources.first?.next == 1)
    #expect(blocks.count > 2, "blocks end when they are full")
    #expect(blocks.reduce(0) { $0 + $1.header.messages } == 20)
    #expect(blocks.reduce(0) { $0 + $1.header.steps } == 60 && machine.counters.items == 40)
    #expect(numbers(try entries(blocks, sources[0])) == (1...20).map { [$0] })
    #expect(blocks.allSatisfy { $0.header.firstTime <= $0.header.lastTime })
  }

  @Test func whatIsMissingIsSaid() throws {
    var shard = try Shard()
    shard.subscribe()
    for _ in 0..<10 { shard.insert(1) }
    var frames = shard.take()
    // The description twice, then the messages.
    frames.removeSubrange(5...7)
    frames.removeLast()
    var machine = machine()
    receive(frames, &machine)
    let (sources, blocks) = result(&machine)
    #expect(numbers(try entries(blocks, sources[0])) == [[1], [2], [3], [4, 6], [7], [8], [9]])
    #expect(machine.counters.missed == 3 && blocks.reduce(0) { $0 + $1.header.missed } == 3)
  }

  @Test func aRecorderThatComesLateMissesNothingThatItWasThereFor() throws {
    var shard = try Shard()
    shard.subscribe()
    for _ in 0..<4 { shard.insert(1) }
    _ = shard.take()
    shard.subscribe()
    for _ in 0..<2 { shard.insert(1) }
    var machine = machine()
    receive(shard.take(), &machine)
    let (sources, blocks) = result(&machine)
    #expect(sources.first?.next == 5 && machine.counters.missed == 0)
    #expect(numbers(try entries(blocks, sources[0])) == [[5], [6]])
  }

  @Test func messagesBeforeTheirDescriptionWaitForIt() throws {
    var shard = try Shard()
    shard.subscribe()
    for _ in 0..<4 { shard.insert(1) }
    var frames = shard.take()
    let descriptions = frames.prefix(2)
    frames.removeFirst(2)
    var machine = machine()
    receive(Array(frames.prefix(3)) + [descriptions[0], descriptions[1]] + frames.suffix(1), &machine)
    let (sources, blocks) = result(&machine)
    #expect(numbers(try entries(blocks, sources[0])) == [[1], [2], [3], [4]])
  }

  @Test func severalShardsAreSeveralSources() throws {
    var shards = [try Shard(), try Shard(shard: 2, incarnation: 5), try Shard(shard: 1, incarnation: 6)]
    var machine = machine()
    for index in shards.indices {
      shards[index].subscribe()
      for _ in 0...index { shards[index].insert(UInt64(index)) }
      receive(shards[index].take(), &machine)
    }
    let (sources, blocks) = result(&machine)
    #expect(sources.map(\.shard) == [1, 2, 1])
    for number in sources.indices {
      let own = blocks.filter { $0.header.source == UInt32(number) }
      #expect(try entries(own, sources[number]).count == number + 1)
    }
  }

  @Test func aFileIsGoneOnWith() throws {
    var shard = try Shard()
    shard.subscribe()
    for _ in 0..<3 { shard.insert(1) }
    var first = machine()
    receive(shard.take(), &first)
    let (sources, _) = result(&first)
    for _ in 0..<4 { shard.insert(1) }
    _ = shard.take()
    shard.subscribe()
    shard.insert(1)
    var found = RecordingFile.Found()
    (found.sources, found.lastNumbers) = ([nil, sources[0]], [0, 3])
    var second = machine(found: found)
    receive(shard.take(), &second)
    let (more, blocks) = result(&second)
    #expect(more.isEmpty, "the file describes it already")
    #expect(blocks.map(\.header.source) == [1])
    #expect(numbers(try entries(blocks, sources[0])) == [[4, 7], [8]])
    #expect(second.counters.missed == 4)
  }

  @Test func whatCannotBeWrittenIsMissed() throws {
    var shard = try Shard()
    shard.subscribe()
    for _ in 0..<3 { shard.insert(1) }
    var machine = machine()
    receive(shard.take(), &machine)
    let (sources, blocks) = result(&machine)
    machine.didFail(blocks[0].header, time: 77)
    #expect(machine.counters.missed == 3 && machine.counters.messages == 0 && machine.counters.steps == 0)
    shard.insert(1)
    receive(shard.take(), &machine)
    #expect(machine.nextDeadline == .at(1000), "that block also ends in time")
    let (_, later) = result(&machine)
    #expect(numbers(try entries(later, sources[0])) == [[1, 3], [4]])
  }

  @Test func filters() throws {
    var shard = try Shard()
    shard.subscribe()
    for index in 0..<12 { shard.insert(UInt64(index % 4)) }
    let frames = shard.take()
    var none = machine { $0.actors = ["another"] }
    receive(frames, &none)
    #expect(none.counters.messages == 0 && none.counters.missed == 0)
    let (sources, empty) = result(&none)
    #expect(try entries(empty, sources[0]).isEmpty)
    #expect(empty.first?.header.lastNumber == 12, "where it was is known: a restart misses nothing")

    var all = machine { $0.actors = ["w"] }
    receive(frames, &all)
    #expect(all.counters.messages == 12 && all.counters.items == 24)
    let (_, blocks) = result(&all)
    #expect(try entries(blocks, sources[0]).count == 12)

    var noItems = machine { $0.tables = ["other"] }
    receive(frames, &noItems)
    #expect(noItems.counters.steps == 36 && noItems.counters.items == 0)
    #expect(noItems.takeNotices().contains { $0.contains("has no table other, only experience") })

    var many = try Shard()
    many.subscribe()
    for index in 0..<128 { many.insert(UInt64(index % 64)) }
    var half = machine { $0.share = 0.5 }
    receive(many.take(), &half)
    #expect(half.counters.steps % 6 == 0, "whole streams, or nothing of them")
    // 64 streams: fewer than 16 or more than 48 are 4 standard deviations away.
    #expect((16...48).contains(half.counters.steps / 6))
  }

  @Test func otherBytesAreCounted() throws {
    var machine = machine()
    receive([[0x90], [], Fixtures.hello(1), Array(repeating: 0xC1, count: 20)], &machine)
    #expect(machine.counters.malformed == 4)
  }
}
