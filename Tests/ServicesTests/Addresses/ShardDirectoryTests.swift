// The addresses of shards, while they change.

import Experience
import Foundation
import Foundations
import Glibc
import Testing
import TestSupport
import Transport

@testable import Services

@Suite struct ShardDirectoryTests {
  private func directory(_ variables: [String: String]) throws -> ShardDirectory {
    let settings = try ServiceSettings(service: .actor, environment: variables)
    return ShardDirectory(settings, settings.replay, variable: AddressFile.replay, now: .at(0))
  }

  private func write(_ text: String, to path: String) throws {
    try AtomicFile.replace(path, with: Array(text.utf8))
  }

  @Test func addressesStayAsTheyAre() throws {
    let directory = try directory([
      "ROOKERY_REPLAY_ADDRESS": "tcp://127.0.0.1:1,ipc:///tmp/x,tcp://127.0.0.1:1"
    ])
    #expect(directory.endpoints.map(\.description) == ["tcp://127.0.0.1:1", "ipc:///tmp/x"])
    #expect(directory.nextDeadline == .never && !directory.isDue(at: .at(1e9)))
    #expect(try !directory.advance(to: .at(1e9)))
  }

  /// A name is replaced by its addresses, and is looked up again.
  @Test func namesAreLookedUp() throws {
    let directory = try directory(["ROOKERY_REPLAY_ADDRESS": "tcp://localhost:7701,tcp://127.9.9.9:1"])
    #expect(
      directory.endpoints.map(\.description) == ["tcp://127.9.9.9:1"], "nothing is known of the name yet")
    _ = try directory.advance(to: .at(0))
    let descriptor = try #require(directory.descriptor)
    var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    #expect(poll(&waiting, 1, 60_000) == 1)
    #expect(directory.isDue(at: .at(1)))
    #expect(try directory.advance(to: .at(1)))
    #expect(directory.endpoints.map(\.description) == ["tcp://127.0.0.1:7701", "tcp://127.9.9.9:1"])
    #expect(!directory.isDue(at: .at(2999)) && directory.isDue(at: .at(3000)))
  }

  @Test func theFileIsFollowed() throws {
    let folder = TemporaryFolder()
    let path = "\(folder.path)/actor"
    let directory = try directory([
      "ROOKERY_REPLAY_ADDRESS": "tcp://127.0.0.1:1", "ROOKERY_ADDRESSES_FILE": path,
    ])
    #expect(try !directory.advance(to: .at(0)), "there is none yet")
    try write("OTHER=1\nROOKERY_REPLAY_ADDRESS=tcp://127.0.0.1:1,tcp://127.0.0.2:1\n", to: path)
    #expect(!directory.isDue(at: .at(499)))
    #expect(try directory.advance(to: .at(500)))
    #expect(directory.endpoints.map(\.description) == ["tcp://127.0.0.1:1", "tcp://127.0.0.2:1"])
    #expect(try !directory.advance(to: .at(1000)))
    // A malformed list is reported once and changes nothing.
    for (round, text) in ["nonsense", "tcp://10.0.0.1:1", ""].enumerated() {
      try write("ROOKERY_REPLAY_ADDRESS=\(text)\n", to: path)
      #expect(try !directory.advance(to: .at(2000 + 1000 * Double(round))))
      #expect(directory.takeNotices().count == 1, "\(text)")
      #expect(directory.endpoints.count == 2)
    }
    try write("ROOKERY_REPLAY_ADDRESS=tcp://127.0.0.2:1\n", to: path)
    #expect(try directory.advance(to: .at(9000)))
    #expect(directory.endpoints.map(\.description) == ["tcp://127.0.0.2:1"])
  }
}
