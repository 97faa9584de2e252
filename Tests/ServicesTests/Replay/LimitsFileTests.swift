// Limits that a shard begins with if others were changed earlier.

import Foundations
import Glibc
import ReplayStore
import TestSupport
import Testing
import Wire

@testable import Services

@Suite struct LimitsFileTests {
  private let limits: LimitsByTable = [
    "experience": RateLimiterConfiguration(
      samplesPerInsert: 0.1, minSize: 70, errorMin: -1e6, errorMax: .infinity),
    "unroll-2": RateLimiterConfiguration(samplesPerInsert: 1.0 / 3, minSize: 1, errorMin: -7, errorMax: 9.5),
  ]

  @Test func theNewestOfThoseThatLiveCount() throws {
    let run = TemporaryFolder()
    defer { for folder in DataFolder.all(in: run.path) { remove(folder) } }
    let first = try DataFolder.claim(in: run.path, replica: 0)
    let own = LimitsFile(in: first.path)
    #expect(try own.begin(beside: DataFolder.all(in: run.path)) == nil)
    try own.write(limits)

    // A process opens its folders again, so this one is held as by another process.
    let second = try DataFolder.claim(in: run.path, replica: 1)
    #expect(DataFolder.all(in: run.path) == [first.path, second.path])
    let other = LimitsFile(in: second.path)
    #expect(try other.begin(beside: DataFolder.all(in: run.path)) == limits)
    var newer = limits
    newer["experience"]?.minSize = 71
    try other.write(newer)
    // Further apart than the file system's clock can tell.
    var times = [timespec(tv_sec: 5, tv_nsec: 0), timespec(tv_sec: 5, tv_nsec: 0)]
    utimensat(AT_FDCWD, own.path, &times, 0)
    do {
      let third = try DataFolder.claim(in: run.path, replica: 2)
      #expect(try LimitsFile(in: third.path).begin(beside: DataFolder.all(in: run.path)) == newer)
    }
    try other.write([:])
    #expect(access(other.path, F_OK) != 0, "the configuration's limits are in no file")
    #expect(try LimitsFile(in: "\(run.path)/x").begin(beside: DataFolder.all(in: run.path)) == limits)
    withExtendedLifetime((first, second)) {}
  }

  /// A killed process cannot remove its file.
  @Test func thoseOfTheDeadDoNotCount() throws {
    let run = TemporaryFolder()
    defer { for folder in DataFolder.all(in: run.path) { remove(folder) } }
    let path: String
    do { path = try DataFolder.claim(in: run.path, replica: 0).path }
    try LimitsFile(in: path).write(limits)
    let second = try DataFolder.claim(in: run.path, replica: 1)
    #expect(try LimitsFile(in: second.path).begin(beside: DataFolder.all(in: run.path)) == nil)
    #expect(try LimitsFile(in: path).begin(beside: [path]) == nil)
    #expect(access("\(path)/limits", F_OK) != 0, "the next process in its folder begins without it")
    withExtendedLifetime(second) {}
  }

  @Test(arguments: ["table experience 1 2 3", "table a 1 x 3 4", "rows 1 2 3 4 5"])
  func whatIsNoneIsRefused(_ text: String) throws {
    let run = TemporaryFolder()
    defer { for folder in DataFolder.all(in: run.path) { remove(folder) } }
    let first = try DataFolder.claim(in: run.path, replica: 0)
    try AtomicFile.replace("\(first.path)/limits", with: Array(text.utf8))
    let error = #expect(throws: LimitsFileError.self) {
      try LimitsFile(in: "\(run.path)/x").begin(beside: [first.path])
    }
    #expect(error?.description.contains("found '\(text)'") == true)
    withExtendedLifetime(first) {}
  }

  @Test func aMachineBeginsWithThem() throws {
    var replay = try ReplayHarness()
    #expect(replay.machine.takeNewLimits() == nil)
    let given = RateLimiterConfiguration(samplesPerInsert: 2, minSize: 3, errorMin: -40, errorMax: 50)
    replay.machine.adopt([
      "experience": given, "other": given,
    ])
    #expect(replay.machine.store.limits == [given])
    #expect(replay.machine.takeNewLimits() == ["experience": given] && replay.machine.takeNewLimits() == nil)
    let notices = replay.machine.takeNotices()
    #expect(notices.contains { $0.contains("'other', which other shards have, are left out: no such table") })
    replay.machine.adopt([
      "experience": RateLimiterConfiguration(samplesPerInsert: 2, minSize: 3, errorMin: 5, errorMax: 5)
    ])
    #expect(replay.machine.store.limits == [given] && replay.machine.takeNewLimits() == nil)
    #expect(replay.machine.takeNotices().first?.contains("are left out: ") == true)
    // A writer's schema comes later.
    _ = replay.receive(Fixtures.hello(1), from: 1)
    #expect(replay.machine.limiterStates(now: .at(0))[0].limits == given)
    // Back to the configuration's limits.
    let own = replay.machine.configuration.store.tables[0].limiter
    let request = LimitsRequest(
      samplesPerInsert: own.samplesPerInsert, minSize: UInt64(own.minSize), errorMin: own.errorMin,
      errorMax: own.errorMax)
    _ = replay.receive(frame { request.encode(into: $0) }, from: 9)
    #expect(replay.machine.takeNewLimits() == [:])
  }

  private func remove(_ folder: String) {
    for name in DirectoryNames.of(folder) { unlink("\(folder)/\(name)") }
    rmdir(folder)
    rmdir(String(folder.prefix(upTo: folder.lastIndex(of: "/") ?? folder.endIndex)))
  }
}
