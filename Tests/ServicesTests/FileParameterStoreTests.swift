// Weights on disk.

import Experience
import Foundations
import Glibc
import Testing
import TestSupport

@testable import Services

@Suite struct FileParameterStoreTests {
  private let folder = TemporaryFolder()
  private var path: String { folder.path + "/parameters.rookery" }

  private func state(_ version: UInt64, _ values: [Float] = [1, 2], merged: Int = 0) -> ParameterState {
    ParameterState(
      version: version, updates: version * 3,
      merged: (0..<merged).map { Merged(id: Fixtures.id(UInt64($0)), sequence: (1 << 62) - UInt64($0)) },
      manifest: WeightsManifest(tensors: [TensorSpec(name: "w", shape: [values.count])]), values: values)
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

  /// Each byte of the slot that was written last: a torn save leaves the one before.
  @Test func aTornSlotFallsBackToTheOther() throws {
    let store = try FileParameterStore(path: path)
    try store.save(state(1))
    let one = bytes()
    try store.save(state(2))
    let two = bytes()
    let changed = one.indices.filter { one[$0] != two[$0] }
    for place in stride(from: changed.first!, through: changed.last!, by: 7) {
      var torn = two
      torn[place] ^= 0x55
      write(torn)
      let found = try load()
      #expect(found == state(1) || found == state(2), "byte \(place)")
      if changed.contains(place) { #expect(found == state(1), "byte \(place)") }
    }
    write(two)
    let again = try FileParameterStore(path: path)
    _ = try again.load()
    try again.save(state(3))
    #expect(try load() == state(3))
  }

  /// A death at any moment of the first save: nothing had been published, so the run starts from new weights.
  @Test func anUnfinishedFirstSaveIsNoState() throws {
    let store = try FileParameterStore(path: path)
    try store.save(state(1))
    let whole = bytes()
    write([UInt8](repeating: 0, count: whole.count))
    #expect(try load() == nil, "reserved only")
    var headless = whole
    for place in 4096..<4112 { headless[place] = 0 }
    write(headless)
    #expect(try load() == nil, "the head of the slot comes last")
    let again = try FileParameterStore(path: path)
    _ = try again.load()
    try again.save(state(7))
    #expect(try load() == state(7))
  }

  @Test func foreignAndDamagedFilesAreRefused() throws {
    write(Array("a text that someone left here, longer than a header".utf8))
    #expect(throws: ParameterStoreError.self) { try load() }
    let store = try FileParameterStore(path: folder.path + "/other")
    try store.save(state(1))
    try store.save(state(2))
    let descriptor = open(folder.path + "/other", O_RDWR)
    defer { close(descriptor) }
    let size = Int(lseek(descriptor, 0, SEEK_END))
    for place in [4096 + 40, 4096 + (size - 4096) / 2 + 40] {
      var byte: UInt8 = 0
      _ = pread(descriptor, &byte, 1, off_t(place))
      byte ^= 1
      _ = pwrite(descriptor, &byte, 1, off_t(place))
    }
    let damaged = try FileParameterStore(path: folder.path + "/other")
    let error = #expect(throws: ParameterStoreError.self) { try damaged.load() }
    #expect(error?.description.contains("neither slot holds whole weights; move the file away") == true)
  }

  @Test func weightsOfALargerNetworkDoNotFit() throws {
    let store = try FileParameterStore(path: path)
    try store.save(state(1))
    #expect(throws: ParameterStoreError.self) {
      try store.save(state(2, [Float](repeating: 0, count: 100_000)))
    }
    #expect(try load() == state(1), "what was there stays")
  }

  @Test func aFolderIsNoFile() {
    #expect(throws: ParameterStoreError.self) { try FileParameterStore(path: folder.path) }
  }
}
