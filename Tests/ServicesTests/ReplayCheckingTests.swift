// The replay machine after a kill: its steps are checked while it serves, slice by slice.

import Experience
import Foundations
import Glibc
import ReplayStore
import TestSupport
import Testing
import Wire

@testable import Services

@Suite struct ReplayCheckingTests {
  /// 16 KiB a step, so that a slice is 256 steps: 13 chunks of 20.
  private static let width = 4096
  private static let rows = 20
  private static let schema = StepSchema.discrete(observation: [width])
  private let folder = TemporaryFolder()

  private func configuration(capacity: Int = 1000) -> ReplayStoreConfiguration {
    var store = Fixtures.store(capacity: capacity)
    store.storage = .file(path: folder.path)
    return store
  }

  /// An incarnation that checks nothing before it serves.
  private func incarnation(capacity: Int = 1000) throws -> ReplayHarness {
    try ReplayHarness(store: configuration(capacity: capacity)) { $0.bytesVerified = 0 }
  }

  /// A message of one chunk, and items of its first eight steps.
  private func insert(_ sequence: UInt64) -> [UInt8] {
    let (first, rows) = ((sequence - 1) * UInt64(Self.rows), Self.rows)
    let observations = [Float](repeating: Float(sequence), count: rows * Self.width)
    let columns: [[UInt8]] = [
      observations.withUnsafeBytes { Array($0) },
      [Int32](repeating: 1, count: rows).withUnsafeBytes { Array($0) },
      [Float](repeating: Float(sequence), count: rows).withUnsafeBytes { Array($0) },
      [UInt8](repeating: 0, count: rows),
    ]
    let items: [[UInt8]] = [
      [UInt32](repeating: 0, count: 8).withUnsafeBytes { Array($0) },
      (0..<8).map { first + $0 }.withUnsafeBytes { Array($0) },
      [UInt32](repeating: 2, count: 8).withUnsafeBytes { Array($0) },
    ]
    return frame { writer in
      Insert.begin(writer, sequence: sequence, chunks: 1)
      let header = ChunkHeader(stream: 0, firstIndex: first, count: rows, weightsVersion: 7)
      withBytes(of: columns) { Insert.chunk(writer, header, columns: $0) }
      withBytes(of: items) {
        let block = ItemBlock(
          table: 0, count: 8, streams: $0[0], firstIndices: $0[1], spans: $0[2], priorities: nil)
        Insert.items(writer, [block])
      }
    }
  }

  private func withBytes(of arrays: [[UInt8]], _ body: ([UnsafeRawBufferPointer]) -> Void) {
    let buffers = arrays.map { array in
      let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: array.count, alignment: 8)
      buffer.copyBytes(from: array)
      return buffer
    }
    body(buffers.map { UnsafeRawBufferPointer($0) })
    for buffer in buffers { buffer.deallocate() }
  }

  /// 800 steps in 40 chunks, by a killed process.
  private func fill(chunks: UInt64 = 40, capacity: Int = 1000) throws {
    var replay = try incarnation(capacity: capacity)
    _ = replay.receive(Fixtures.hello(1, schema: Self.schema), from: 1)
    for sequence in 1...chunks {
      #expect(replay.receive(insert(sequence), from: 1).last?.acknowledgement?.committed == sequence)
    }
  }

  /// Changes a byte of a step's observation.
  private func damage(step: Int) throws {
    let descriptor = open("\(folder.path)/field-0", O_RDWR)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    let place = off_t(step * Self.width * 4 + 6)
    var byte: UInt8 = 0
    try #require(pread(descriptor, &byte, 1, place) == 1)
    byte ^= 0x5A
    try #require(pwrite(descriptor, &byte, 1, place) == 1)
  }

  /// Reads and checks the one request that there may be; false if there is none.
  private func step(_ replay: inout ReplayHarness) -> Bool {
    let requests = replay.machine.takePrefetchRequests()
    guard let request = requests.first else { return false }
    #expect(requests.count == 1 && !request.isUrgent)
    replay.machine.didPrefetch(request.ticket, now: .at(1), sink: replay.sink)
    #expect(replay.machine.checkInvariants() == nil)
    return true
  }

  private func counter(_ name: String, _ replay: ReplayHarness) -> Double? {
    replay.machine.telemetry(now: .at(1))[name]
  }

  @Test func itGoesThroughAllStepsAndEnds() throws {
    try fill()
    var replay = try incarnation()
    _ = replay.machine.takeNotices()
    // The newest chunk was checked before its stream can go on.
    #expect(counter("steps_in_doubt", replay) == 780)
    var left: [Int] = [replay.machine.store.stepsInDoubt]
    while step(&replay) {
      left.append(replay.machine.store.stepsInDoubt)
      try #require(left.count < 10)
      let isDone = left.last == 0
      #expect(replay.machine.takeNotices() == (isDone ? ["all steps are checked"] : []))
    }
    #expect(left == [780, 520, 260, 0])
    #expect(replay.machine.takeWarnings().isEmpty && replay.machine.takeNotices().isEmpty)
    #expect(counter("steps_in_doubt", replay) == 0 && counter("steps_damaged_total", replay) == 0)
    #expect(!step(&replay), "and there it stays")
    // After an incarnation that checked everything and ended in order, nothing is left to check.
    replay.machine.store.end()
    var next = try incarnation()
    #expect(next.machine.store.stepsInDoubt == 0 && !step(&next))
    #expect(next.machine.takeNotices().isEmpty)
  }

  @Test func whatItFindsIsCountedAndSaidOnce() throws {
    try fill()
    // Chunks 16 and 31, in the second slice and in the third.
    for step in [305, 619] { try damage(step: step) }
    var replay = try incarnation()
    #expect(step(&replay) && replay.machine.takeWarnings().isEmpty)
    for round in 1...2 {
      #expect(step(&replay))
      #expect(
        replay.machine.takeWarnings() == [
          "dropped 20 steps that were not whole on the disk, and 8 items that needed them or were damaged"
        ])
      #expect(counter("steps_damaged_total", replay) == Double(20 * round))
      #expect(counter("items_damaged_total", replay) == Double(8 * round))
    }
    #expect(!step(&replay) && replay.machine.takeWarnings().isEmpty)
    #expect(replay.machine.takeNotices().contains("all steps are checked"))
    #expect(replay.machine.store.statistics.tables[0].size == 38 * 8)
    // The damaged steps are still on the disk: the next incarnation checks and finds them again.
    replay.machine.store.end()
    var next = try incarnation()
    #expect(next.machine.store.stepsInDoubt > 0)
    while step(&next) {}
    #expect(counter("steps_damaged_total", next) == 40)
  }

  /// A draw that finds the damage first reports it once.
  @Test func whatADrawFindsIsSaidToo() throws {
    try fill()
    try damage(step: 305)
    var replay = try incarnation()
    _ = replay.receive(Fixtures.samplerHello(2), from: 2)
    var request: UInt64 = 1
    while counter("steps_damaged_total", replay) == 0 {
      try #require(request < 1000)
      #expect(replay.receive(Fixtures.request(request, count: 8), from: 2).map(\.type) == [.batch])
      request += 1
    }
    #expect(replay.machine.takeWarnings().count == 1)
    while step(&replay) { #expect(replay.machine.takeWarnings().isEmpty) }
    #expect(counter("steps_damaged_total", replay) == 20 && counter("steps_in_doubt", replay) == 0)
  }

  /// Inserts are acknowledged between two slices; those that evict steps in doubt leave fewer of
  /// them.
  @Test func itEndsWhileTheRingTurns() throws {
    try fill(chunks: 50)
    try damage(step: 5)
    var replay = try incarnation()
    _ = replay.receive(Fixtures.hello(1, next: 51, schema: Self.schema), from: 1)
    let doubt = replay.machine.store.stepsInDoubt
    #expect(doubt == 980)
    var sequence: UInt64 = 51
    for _ in 0..<13 {
      #expect(replay.receive(insert(sequence), from: 1).last?.acknowledgement?.committed == sequence)
      sequence += 1
    }
    // The first slice was requested before its steps were evicted.
    var rounds = 0
    while step(&replay) {
      rounds += 1
      try #require(rounds < 10)
      _ = replay.receive(insert(sequence), from: 1)
      sequence += 1
    }
    #expect(rounds <= 4 && replay.machine.store.stepsInDoubt == 0)
    #expect(replay.machine.store.damage.steps == 0, "the damaged chunk was evicted before")
    // The whole ring is replaced while a slice is being read.
    #expect(!step(&replay))
  }

  /// No step is in doubt any more when the slice has been read.
  @Test func aRingThatOvertakesItEndsItToo() throws {
    try fill(chunks: 50)
    var replay = try incarnation()
    _ = replay.machine.takeNotices()
    _ = replay.receive(Fixtures.hello(1, next: 51, schema: Self.schema), from: 1)
    for sequence in 51...101 as ClosedRange<UInt64> { _ = replay.receive(insert(sequence), from: 1) }
    #expect(step(&replay) && !step(&replay))
    #expect(replay.machine.store.stepsInDoubt == 0 && counter("steps_damaged_total", replay) == 0)
    #expect(replay.machine.takeNotices().contains("all steps are checked"))
    // A late read that is no longer expected changes nothing.
    replay.machine.didPrefetch(0, now: .at(2), sink: replay.sink)
    #expect(replay.machine.takeNotices().isEmpty && !step(&replay))
  }
}
