// Reads Gymnasium's episodes as python/fixtures/make_environments.py writes them.

import Experience
import Glibc
import Testing

/// One episode of n actions: n + 1 states, observations and flags, n actions and rewards.
struct EpisodeFixture {
  var states: [[Double]] = []
  var observations: [[Float]] = []
  var rewards: [Float] = []
  var actions: [Int32] = []
  var flags: [StepFlags] = []

  /// The episodes of `Tests/Fixtures/environments/<id>.bin`.
  static func read(_ id: String, file: String = #filePath) throws -> [EpisodeFixture] {
    let tests = file.split(separator: "/").dropLast(2).joined(separator: "/")
    var bytes = try Bytes(path: "/\(tests)/Fixtures/environments/\(id).bin")
    #expect(bytes.next(8, of: UInt8.self) == Array("RKENVFX1".utf8))
    let header = bytes.next(3, of: UInt32.self).map(Int.init)
    return (0..<header[2]).map { _ in
      let count = Int(bytes.next(1, of: UInt32.self)[0])
      var episode = EpisodeFixture()
      episode.states = (0...count).map { _ in bytes.next(header[0], of: Double.self) }
      episode.observations = (0...count).map { _ in bytes.next(header[1], of: Float.self) }
      episode.rewards = bytes.next(count, of: Float.self)
      episode.actions = bytes.next(count, of: UInt8.self).map(Int32.init)
      episode.flags = bytes.next(count + 1, of: UInt8.self).map(StepFlags.init(rawValue:))
      return episode
    }
  }

  private struct Bytes {
    var bytes: [UInt8] = []
    var offset = 0

    init(path: String) throws {
      let descriptor = open(path, O_RDONLY)
      try #require(descriptor >= 0, "cannot open \(path)")
      defer { close(descriptor) }
      var part = [UInt8](repeating: 0, count: 1 << 20)
      while case let count = Glibc.read(descriptor, &part, part.count), count > 0 {
        bytes.append(contentsOf: part[..<count])
      }
    }

    mutating func next<Value: BitwiseCopyable>(_ count: Int, of type: Value.Type) -> [Value] {
      bytes.withUnsafeBytes { buffer in
        let size = MemoryLayout<Value>.size
        defer { offset += count * size }
        return (0..<count).map { buffer.loadUnaligned(fromByteOffset: offset + $0 * size, as: type) }
      }
    }
  }
}
