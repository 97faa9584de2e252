// Damaged frames are refused or read as another message, and do no other harm.

import Foundation
import Foundations
import Testing
import Wire

@Suite struct HostileBytesTests {
  /// No message can be read from less than all of it.
  @Test(arguments: Golden.frames) func everyTruncationIsRefused(_ frame: GoldenFrame) {
    let bytes = frame.bytes
    for count in 0..<bytes.count {
      #expect(AnyMessage.accepts(Array(bytes[..<count])) == nil, "\(count) of \(bytes.count) bytes")
    }
  }

  @Test(arguments: Golden.frames) func nothingMayFollow(_ frame: GoldenFrame) {
    for extra: UInt8 in [0x00, 0xC0, 0x90] {
      #expect(AnyMessage.accepts(frame.bytes + [extra]) == nil)
    }
  }

  /// All 256 values of each byte. A frame that is still read is msgpack of the same length
  /// (test_protocol.py checks that with Python's).
  @Test(arguments: Golden.frames) func everyMutatedByte(_ frame: GoldenFrame) {
    var bytes = frame.bytes
    bytes.withUnsafeMutableBytes { bytes in
      for position in bytes.indices {
        let original = bytes[position]
        for value in 0...UInt8.max {
          bytes[position] = value
          _ = try? AnyMessage.read(UnsafeRawBufferPointer(bytes))
        }
        bytes[position] = original
      }
    }
    #expect(AnyMessage.accepts(bytes) == frame.type)
  }

  /// Runs of random bytes in the middle of real frames, pieces of frames joined, and random bytes.
  @Test func randomDamage() {
    var system = SystemRandomNumberGenerator()
    let seed = system.next()
    var random = SeededGenerator(seed: seed)
    let frames = Golden.frames.map(\.bytes)
    for _ in 0..<20_000 {
      var bytes = frames.randomElement(using: &random)!
      switch Int.random(in: 0..<3, using: &random) {
      case 0:
        let start = Int.random(in: 0..<bytes.count, using: &random)
        for index in start..<min(bytes.count, start + Int.random(in: 1...9, using: &random)) {
          bytes[index] = random.next() as UInt8
        }
      case 1:
        let other = frames.randomElement(using: &random)!
        bytes =
          Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &random)))
          + other.suffix(Int.random(in: 0...other.count, using: &random))
      default:
        let opening = bytes.prefix(3)
        bytes = opening + (0..<Int.random(in: 0..<64, using: &random)).map { _ in random.next() as UInt8 }
      }
      let type = AnyMessage.accepts(bytes)
      #expect(type == nil || bytes.contains(type!.rawValue), "seed \(seed)")
    }
  }

  private static let lies: [[UInt8]] = [
    [0xDD, 0xFF, 0xFF, 0xFF, 0xFF], [0xDF, 0xFF, 0xFF, 0xFF, 0xFF], [0xC6, 0xFF, 0xFF, 0xFF, 0xFF],
    [0xDB, 0xFF, 0xFF, 0xFF, 0xFF], [0xDD, 0x7F, 0xFF, 0xFF, 0xFF], [0xDC, 0xFF, 0xFF], [0xDE, 0xFF, 0xFF],
  ]

  /// A few bytes that declare gigabytes, in the place of every byte of every frame: refused,
  /// without memory for them.
  @Test func hugeDeclaredLengths() throws {
    let before = try Self.peakBytes()
    for frame in Golden.frames {
      let bytes = frame.bytes
      for position in bytes.indices {
        for lie in Self.lies {
          _ = AnyMessage.accepts(Array(bytes[..<position]) + lie + bytes[(position + 1)...])
        }
      }
    }
    // One array of 2³² elements is at least 4 GB; the rest is for other tests that run meanwhile.
    #expect(try Self.peakBytes() - before < 2 << 30)
  }

  /// The most address space the process has had.
  private static func peakBytes() throws -> Int {
    let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmPeak:") })
    return try #require(Int(line.split(whereSeparator: \.isWhitespace)[1])) * 1024
  }
}
