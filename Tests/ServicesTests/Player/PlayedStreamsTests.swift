// What the player sends of random recordings.

import Configuration
import Experience
import Foundation
import Foundations
import Glibc
@testable import ReplayStore
import TestSupport
import Testing
import Wire

@testable import Recordings
@testable import Services

@Suite struct PlayedStreamsTests {
  private let folder = TemporaryFolder()

  /// Plays a file into stores, of which another may take over at any message.
  private struct Player {
    let stream: RecordedStream
    var streams = PlayedStreams(tables: SimulatedRecording.tables.count)
    var store: ReplayStore
    var naive = NaivePlayer()
    var epoch: UInt64 = 0
    var played: [(incarnation: UInt64, number: UInt64)] = []
    let frame = FrameWriter()

    init(_ path: String, change: (inout PlayerConfiguration) -> Void = { _ in }) throws {
      var configuration = PlayerConfiguration()
      configuration.recording = path
      change(&configuration)
      stream = try RecordedStream(configuration)
      store = try SimulatedRecording.store()
    }

    /// Plays to the end. With `generator` the store is now and then replaced by an empty one.
    mutating func play(moving generator: inout SeededGenerator, isMoving: Bool) throws {
      while true {
        switch stream.next() {
        case .end: return
        case .loading:
          var item = pollfd(fd: stream.descriptor, events: Int16(POLLIN), revents: 0)
          try #require(poll(&item, 1, 60_000) == 1)
        case .message(let message):
          if isMoving, generator.below(20) == 0 {
            epoch += 1
            store = try SimulatedRecording.store()
          }
          try play(message)
        }
      }
    }

    private mutating func play(_ message: RecordedMessage) throws {
      let insertion = try #require(message.insertion)
      let accepted = message.accepted
      played.append((message.incarnation.low, accepted.number))
      naive.play(message.incarnation.low, accepted, insertion, epoch: epoch)
      let writer = streams.number(ofWriter: accepted.writer, incarnation: message.incarnation)
      guard
        streams.plan(accepted, incarnation: message.incarnation, insertion, writer: writer, epoch: epoch)
      else { return }
      frame.clear()
      frame.array(streams.chunkCount)
      streams.encode(insertion, into: frame)
      try SimulatedRecording.withInsertion(frame.bytes) { insertion in
        let summary = try store.insert(insertion, writer: 1)
        #expect(summary.itemsStale == 0)
      }
    }

    func check(_ seed: UInt64, passes: Int = 1) {
      #expect(streams.counters.itemsWithoutFirstStep == naive.itemsLeftOut, "\(Seeds.replay(seed))")
      #expect(streams.counters.items == naive.itemsPlayed, "\(Seeds.replay(seed))")
      #expect(streams.counters.steps == naive.steps, "\(Seeds.replay(seed))")
      #expect(streams.counters.messagesRepeated == naive.messagesRepeated, "\(Seeds.replay(seed))")
      #expect(
        streams.counters.itemsRefused == 0 && streams.counters.stepsRefused == 0, "\(Seeds.replay(seed))")
      #expect(store.checkInvariants() == nil, "\(Seeds.replay(seed))")
    }
  }

  /// From its beginning and without gaps, a recording gives the digest of the store that accepted
  /// it.
  @Test(arguments: Seeds.list(count: 30)) func theSameExperience(_ seed: UInt64) throws {
    let path = "\(folder.path)/a.rookery"
    let recording = try SimulatedRecording(seed: seed, path: path, sources: 1, messages: 80, hasGaps: false)
    var player = try Player(path)
    var generator = SeededGenerator(seed: seed)
    try player.play(moving: &generator, isMoving: false)
    player.check(seed)
    let digest = try #require(recording.stores[0].digest)
    #expect(digest.items > 0 && digest.steps > 0)
    #expect(player.store.digest == digest, "\(Seeds.replay(seed))")
    #expect(player.streams.counters.itemsWithoutFirstStep == 0)
  }

  /// With gaps, several sources, messages that come twice, and shards that change, nothing is
  /// refused, and what is left out is counted exactly. A second pass plays as much.
  @Test(arguments: Seeds.list(count: 30)) func nothingIsRefused(_ seed: UInt64) throws {
    let path = "\(folder.path)/a.rookery"
    var generator = SeededGenerator(seed: seed)
    let recording = try SimulatedRecording(
      seed: seed, path: path, sources: 1 + generator.below(3), messages: 80, hasGaps: true)
    var player = try Player(path)
    try player.play(moving: &generator, isMoving: seed % 2 == 0)
    player.check(seed)
    #expect(player.streams.counters.messagesRepeated == recording.repeated)
    #expect(player.stream.missed == recording.missed)
    let order = player.played.map { [$0.incarnation, $0.number] }
    var expected = recording.entries.map { [UInt64($0.source), $0.number] }
    #expect(Self.withoutRepeats(order) == expected, "\(Seeds.replay(seed))")

    #expect(player.stream.rewind())
    player.streams.beginPass()
    player.naive.beginPass()
    player.played = []
    try player.play(moving: &generator, isMoving: seed % 2 == 0)
    player.check(seed)
    expected = Self.withoutRepeats(player.played.map { [$0.incarnation, $0.number] })
    #expect(expected == Self.withoutRepeats(order))
  }

  /// With few streams, those that were not played for long make room: nothing is refused, and at
  /// most their later items are left out.
  @Test(arguments: Seeds.list(count: 20)) func fewStreams(_ seed: UInt64) throws {
    let path = "\(folder.path)/a.rookery"
    let recording = try SimulatedRecording(seed: seed, path: path, sources: 2, messages: 80, hasGaps: false)
    var player = try Player(path)
    player.streams = PlayedStreams(tables: SimulatedRecording.tables.count, streamsMax: 4)
    var generator = SeededGenerator(seed: seed)
    try player.play(moving: &generator, isMoving: false)
    let counters = player.streams.counters
    #expect(counters.steps == player.naive.steps, "\(Seeds.replay(seed))")
    #expect(counters.itemsWithoutFirstStep > 0 && counters.items > 0, "\(Seeds.replay(seed))")
    let items = recording.entries.reduce(0) { $0 + $1.message.items }
    #expect(counters.items + counters.itemsWithoutFirstStep == UInt64(items))
    #expect(player.store.ring?.streams.count == 4)
    #expect(player.store.checkInvariants() == nil, "\(Seeds.replay(seed))")
  }

  /// Flipped bytes and cut ends never give other messages, and never end the player.
  @Test(arguments: Seeds.list(count: 10)) func damagedRecordings(_ seed: UInt64) throws {
    let path = "\(folder.path)/a.rookery"
    let recording = try SimulatedRecording(seed: seed, path: path, sources: 2, messages: 40, hasGaps: false)
    let whole = recording.entries.map { [UInt64($0.source), $0.number] }
    let bytes = Array(try #require(FileManager.default.contents(atPath: path)))
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<8 {
      var damaged = bytes
      for _ in 0...generator.below(3) {
        damaged[generator.below(bytes.count)] ^= UInt8(1 << generator.below(8))
      }
      if generator.below(2) == 0 { damaged.removeLast(generator.below(bytes.count)) }
      try AtomicFile.replace(path, with: damaged)
      // A file of which nothing can be read is refused.
      guard var player = try? Player(path) else { continue }
      try player.play(moving: &generator, isMoving: false)
      let played = player.played.map { [$0.incarnation, $0.number] }
      let expected = Set(played)
      #expect(played == whole.filter(expected.contains), "\(Seeds.replay(seed))")
    }
  }

  /// A part of the time, and some of the actors.
  @Test(arguments: Seeds.list(count: 20)) func aPart(_ seed: UInt64) throws {
    let path = "\(folder.path)/a.rookery"
    let recording = try SimulatedRecording(seed: seed, path: path, sources: 2, messages: 80, hasGaps: false)
    var player = try Player(path) {
      $0.from_s = 0.02
      $0.until_s = 0.06
      $0.actors = ["actor-1", "actor-3"]
    }
    var generator = SeededGenerator(seed: seed)
    try player.play(moving: &generator, isMoving: false)
    player.check(seed)
    let beginning = try #require(recording.entries.first?.time)
    let expected = recording.entries.filter {
      (20_000_000..<60_000_000).contains($0.time - beginning) && $0.message.writer != 2
    }
    #expect(
      player.played.map { [$0.incarnation, $0.number] } == expected.map { [UInt64($0.source), $0.number] })
  }

  private static func withoutRepeats(_ list: [[UInt64]]) -> [[UInt64]] {
    var seen: Set<[UInt64]> = []
    return list.filter { seen.insert($0).inserted }
  }
}

/// Which steps and items can be played, step by step.
private struct NaivePlayer {
  private struct Key: Hashable {
    var incarnation: UInt64
    var writer: PublicName
    var stream: UInt32
  }
  private struct Stream {
    var runs: [UInt64: Int] = [:]
    var next: UInt64?
    var run = 0
    var lastFlags: UInt8 = 0
    var epoch: UInt64
  }

  private var streams: [Key: Stream] = [:]
  private var seen: Set<[UInt64]> = []
  private(set) var steps: UInt64 = 0
  private(set) var itemsPlayed: UInt64 = 0
  private(set) var itemsLeftOut: UInt64 = 0
  private(set) var messagesRepeated: UInt64 = 0

  mutating func beginPass() {
    streams = [:]
    seen = []
  }

  mutating func play(_ incarnation: UInt64, _ message: Accepted, _ insertion: Insertion, epoch: UInt64) {
    guard seen.insert([incarnation, message.number]).inserted else {
      messagesRepeated += 1
      return
    }
    for (index, chunk) in insertion.chunks.enumerated() {
      let key = Key(incarnation: incarnation, writer: message.writer, stream: chunk.stream)
      let flags = Array(insertion.column(insertion.columnsPerChunk - 1, ofChunk: index))
      var stream = streams[key] ?? Stream(epoch: epoch)
      if stream.epoch != epoch { stream = Stream(epoch: epoch) }
      if chunk.isCut || stream.next != chunk.firstIndex { stream.run += 1 }
      for step in 0..<UInt64(chunk.count) { stream.runs[chunk.firstIndex + step] = stream.run }
      stream.next = chunk.firstIndex + UInt64(chunk.count)
      stream.lastFlags = flags[flags.count - 1]
      steps += UInt64(chunk.count)
      streams[key] = stream
    }
    for block in insertion.items {
      for index in 0..<block.count {
        let item = block[index]
        let stream = streams[Key(incarnation: incarnation, writer: message.writer, stream: item.stream)]
        let runs = (0..<UInt64(item.count)).map { stream?.runs[item.firstIndex + $0] }
        let isPlayed = stream?.epoch == epoch && runs.allSatisfy { $0 != nil && $0 == runs[0] }
        if isPlayed { itemsPlayed += 1 } else { itemsLeftOut += 1 }
      }
    }
  }
}
