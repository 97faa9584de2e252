// The parameter server's file.

import Experience
import Foundation
import Foundations
import Glibc
import Testing
import Wire
import TestSupport

@testable import Services

@Suite struct FileParameterStoreTests {
  private let folder = TemporaryFolder()
  private var path: String { folder.path + "/parameters.rookery" }

  private func state(_ version: UInt64, _ values: [Float] = [1, 2], merged: Int = 0) -> ParameterState {
    var state = ParameterState(
      version: version, updates: version * 3,
      merged: (0..<merged).map {
        Merged(learner: Fixtures.id(UInt64($0)).publicName, sequence: (1 << 62) - UInt64($0))
      },
      manifest: WeightsManifest(tensors: [TensorSpec(name: "w", shape: [values.count])]), values: values)
    state.envSteps = EnvStepCount(
      total: version * 1000,
      actors: (0..<merged).map {
        EnvStepCount.Actor(name: Fixtures.id(UInt64($0 + 5000)).publicName, envSteps: UInt64($0))
      })
    state.vectors = [StateVector(name: "outer_momentum", number: 0.9, values: values.map { -$0 })]
    return state
  }

  private func bytes() -> [UInt8] {
    let descriptor = open(path, O_RDONLY)
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: Int(lseek(descriptor, 0, SEEK_END)))
    _ = pread(descriptor, &bytes, bytes.count, 0)
    return bytes
  }

  private func write(_ bytes: [UInt8]) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    defer { close(descriptor) }
    _ = pwrite(descriptor, bytes, bytes.count, 0)
  }

  private func load() throws -> ParameterState? { try FileParameterStore(path: path).load() }

  @Test func aNewFileHoldsNothing() throws {
    #expect(try load() == nil)
  }

  @Test func theNewestStateComesBack() throws {
    let store = try FileParameterStore(path: path)
    for version in 1...5 {
      try store.save(state(UInt64(version), [Float(version), 0]))
      #expect(try load() == state(UInt64(version), [Float(version), 0]))
    }
  }

  @Test func mergedMayGrowToItsMost() throws {
    let store = try FileParameterStore(path: path)
    for merged in [0, 1, 500, 1024] { try store.save(state(UInt64(merged + 1), merged: merged)) }
    #expect(try load() == state(1025, merged: 1024))
  }

  /// The offset of a slot's head.
  private func place(ofSlot index: Int) -> Int { 4096 + index * (bytes().count - 4096) / 2 }

  /// Damages any byte of the slot written last. Its version may have been published, so versions
  /// continue after it.
  @Test func aDamagedNewestSlotFallsBackToTheOlderAndSaysSo() throws {
    let store = try FileParameterStore(path: path)
    try store.save(state(1))
    try store.save(state(2))
    let whole = bytes()
    let start = place(ofSlot: 1)
    let record = ParameterRecord.encode(state(2)).count
    for place in stride(from: start, to: start + 32 + record, by: 3) {
      var damaged = whole
      damaged[place] ^= 0x55
      write(damaged)
      let again = try FileParameterStore(path: path)
      var expected = state(1)
      expected.version = 3
      #expect(try again.load() == expected, "byte \(place)")
      let notice = try #require(again.notice, "byte \(place)")
      #expect(notice.contains("are damaged; using those of version 1, as version 3"), "\(notice)")
      try again.save(state(4))
      #expect(try load() == state(4))
    }
  }

  @Test func aDamagedOlderSlotIsNoLoss() throws {
    let store = try FileParameterStore(path: path)
    try store.save(state(1))
    try store.save(state(2))
    var damaged = bytes()
    damaged[place(ofSlot: 0) + 40] ^= 1
    write(damaged)
    let again = try FileParameterStore(path: path)
    #expect(try again.load() == state(2))
    #expect(again.notice == nil)
    try again.save(state(3))
    #expect(try load() == state(3))
  }

  /// A save that is interrupted at any moment, between record and head too, leaves the other slot
  /// whole, and nothing is lost.
  @Test func aSaveThatIsCutOffLeavesTheOther() throws {
    let store = try FileParameterStore(path: path)
    for version in 1...2 { try store.save(state(UInt64(version))) }
    let before = bytes()
    try store.save(state(3))
    let after = bytes()
    let start = place(ofSlot: 0)
    let record = start + 32
    for end in record...(record + ParameterRecord.encode(state(3)).count) {
      var torn = before
      torn.replaceSubrange(record..<end, with: after[record..<end])
      write(torn)
      let again = try FileParameterStore(path: path)
      #expect(try again.load() == state(2), "\(end - record) bytes")
      #expect(again.notice == nil)
    }
  }

  /// If the first save is interrupted at any moment, its header is missing: nothing had been
  /// published, so the server starts from new weights.
  @Test func anUnfinishedFirstSaveIsNoState() throws {
    let store = try FileParameterStore(path: path)
    try store.save(state(1))
    let whole = bytes()
    write([UInt8](repeating: 0, count: whole.count))
    #expect(try load() == nil, "reserved only")
    var headless = whole
    for place in 0..<4096 { headless[place] = 0 }
    write(headless)
    #expect(try load() == nil, "the header comes last")
    let again = try FileParameterStore(path: path)
    _ = try again.load()
    try again.save(state(7))
    #expect(try load() == state(7))
  }

  @Test func anEmptyFileIsSaidToBe() throws {
    let new = try FileParameterStore(path: path)
    #expect(try new.load() == nil)
    #expect(new.notice == nil, "a new file")
    let again = try FileParameterStore(path: path)
    #expect(try again.load() == nil)
    #expect(again.notice?.hasPrefix("\(path): empty: no weights had been saved yet") == true)
  }

  @Test func foreignAndDamagedFilesAreRefused() throws {
    write(Array("a text that someone left here, longer than a header".utf8))
    #expect(throws: ParameterStoreError.self) { try load() }
    write(Array("short".utf8))
    #expect(throws: ParameterStoreError.self) { try load() }
    write([])
    let store = try FileParameterStore(path: path)
    try store.save(state(1))
    try store.save(state(2))
    let whole = bytes()
    for place in 0..<40 {
      var damaged = whole
      damaged[place] ^= 0x10
      write(damaged)
      #expect(throws: ParameterStoreError.self, "byte \(place)") { try load() }
    }
    write(Array(whole[..<(whole.count - 8)]))
    #expect(throws: ParameterStoreError.self, "cut short") { try load() }
    write(whole)
    var damaged = whole
    for index in 0...1 { damaged[place(ofSlot: index) + 40] ^= 1 }
    write(damaged)
    let error = #expect(throws: ParameterStoreError.self) { try load() }
    #expect(
      error?.description.contains(
        "expected whole weights in one of two slots, found none; move the file away") == true)
  }

  @Test func anotherFormatIsRefusedWithWhatToDo() throws {
    let store = try FileParameterStore(path: path)
    try store.save(state(1))
    var later = bytes()
    later[8] = 6
    write(later)
    let error = #expect(throws: ParameterStoreError.self) { try load() }
    #expect(
      error?.problem == "expected format 5, found 6, which another version of Rookery wrote: use that "
        + "version, or move the file away to start from new weights")
  }

  /// A momentum that was switched on, and off again.
  @Test func vectorsMayComeAndGo() throws {
    let store = try FileParameterStore(path: path)
    var (plain, more) = (state(1), state(2))
    plain.vectors = []
    more.vectors.append(StateVector(name: "adam.m", number: 0.5, values: [5, 6]))
    more.milestone = Milestone(version: 1, clock: 2, values: [7, 8])
    for version in 1...6 as ClosedRange<UInt64> {
      var next = version % 3 == 1 ? plain : version % 3 == 2 ? more : state(1)
      next.version = version
      try store.save(next)
      #expect(try load() == next)
    }
  }

  /// Records with a whole checksum that no server writes.
  @Test func vectorsThatCannotBeAreRefused() {
    func decoded(_ change: (inout ParameterState) -> Void, format: UInt32 = 5) -> ParameterState? {
      var state = state(1)
      change(&state)
      return ParameterRecord.encode(state).withUnsafeBytes { ParameterRecord.decode($0, format: format) }
    }
    #expect(decoded { _ in } != nil)
    #expect(decoded({ _ in }, format: 4) == nil, "format 4 has no reserved versions")
    #expect(decoded { $0.reserved = .max } == nil)
    #expect(decoded { $0.vectors[0].values.append(1) } == nil)
    #expect(decoded { $0.vectors[0].number = .infinity } == nil)
    #expect(decoded { $0.vectors.append($0.vectors[0]) } == nil, "a name twice")
  }

  /// For example, a milestone that the state did not have before.
  @Test func whatHasGrownGetsSlotsOfItsOwn() throws {
    let store = try FileParameterStore(path: path)
    try store.save(state(1))
    var grown = state(2)
    grown.clock = 1.5
    grown.milestone = Milestone(version: 2, clock: 1.25, values: [3, 4])
    grown.merged = (0..<UInt64(Limits.members)).map {
      Merged(learner: Fixtures.id($0).publicName, sequence: $0)
    }
    try store.save(grown)
    #expect(try load() == grown)
    try store.save(state(3))
    #expect(try load() == state(3))
  }

  @Test func aFolderIsNoFile() {
    #expect(throws: ParameterStoreError.self) { try FileParameterStore(path: folder.path) }
  }
}
