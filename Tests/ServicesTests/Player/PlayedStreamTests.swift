// Chunks and items of one stream.

import Experience
import Testing
import Wire

@testable import Services

@Suite struct PlayedStreamTests {
  private var stream = PlayedStream(firstIndex: 100, tables: 1, pass: 0, epoch: 0)

  private static func chunk(_ first: UInt64, _ count: Int, isCut: Bool = false) -> ChunkHeader {
    ChunkHeader(stream: 0, firstIndex: first, count: count, weightsVersion: 1, isCut: isCut)
  }

  private mutating func play(
    _ first: UInt64, _ count: Int = 10, flags: StepFlags = [], pass: Int = 0, epoch: UInt64 = 0
  ) -> ChunkHeader? {
    stream.play(Self.chunk(first, count), first: flags, last: [], pass: pass, epoch: epoch)
  }

  @Test mutating func chunksThatDoNotContinueAreCut() throws {
    #expect(try #require(play(100)).isCut, "the recording began later than the stream")
    #expect(try #require(play(110)).isCut == false)
    #expect(try #require(play(121)).isCut, "a step is missing")
    #expect(try #require(play(140, flags: .isFirst)).isCut == false, "an episode begins")
    #expect(play(140) == nil, "indices go back")
    #expect(try #require(play(150, epoch: 1)).isCut, "what was sent may be lost")
    #expect(try #require(play(160, epoch: 1)).isCut == false)
  }

  @Test mutating func eachPassGoesOnBehindTheOneBefore() throws {
    _ = play(100)
    let again = try #require(play(100, flags: .isFirst, pass: 1))
    #expect(again.firstIndex == 110 && again.isCut)
    #expect(!stream.holds(first: 100, count: 1, pass: 0, epoch: 0))
    #expect(stream.holds(first: 100, count: 10, pass: 1, epoch: 0))
    let next = try #require(play(110, pass: 1))
    #expect(next.firstIndex == 120 && !next.isCut)
    #expect(stream.shift == 10)
  }

  @Test mutating func anItemLiesInOneRun() {
    _ = play(100)
    _ = play(111)
    for (first, count, isHeld) in [
      (100, 10, true), (100, 11, false), (109, 2, false), (110, 1, false), (111, 10, true), (111, 11, false),
      (99, 1, false), (120, 1, true), (121, 1, false), (105, -1, false),
    ] {
      #expect(
        stream.holds(first: UInt64(first), count: count, pass: 0, epoch: 0) == isHeld, "\(first), \(count)")
    }
  }

  /// Indices of a recording may be anything up to 2⁶².
  @Test mutating func indicesBeyondTheProtocolAreRefused() {
    #expect(play(Limits.number - 10) != nil)
    #expect(play(Limits.number) == nil)
    #expect(play(0, pass: 1) == nil)
  }

  @Test func anItemIsPlayedOnce() {
    var starts = ItemStarts()
    let inserted: [UInt64] = [5, 4, 5, 4, 100, 6, 99, 100, 5000, 904, 905, 4999, 100_000, 5000, 99_999]
    #expect(
      inserted.map { starts.insert($0) } == [
        true, true, false, false, true, true, true, false, true, false, true, true, true, false, true,
      ])
    starts.removeAll()
    #expect(starts.insert(99_999) && !starts.insert(99_999) && starts.insert(99_998))
  }
}
