// The published frames: Swift writes exactly these bytes, and reads them as these values.

import Experience
import Foundation
import Testing
import Wire

@Suite struct GoldenTests {
  /// With ROOKERY_UPDATE_FIXTURES=1 the file is first written again.
  private static let published: [String: [UInt8]] = {
    if ProcessInfo.processInfo.environment["ROOKERY_UPDATE_FIXTURES"] == "1" {
      try! FrameFile.text(of: Golden.frames).write(to: FrameFile.url, atomically: true, encoding: .utf8)
    }
    return try! FrameFile.read()
  }()

  @Test(arguments: Golden.frames) func encodesToThePublishedBytes(_ frame: GoldenFrame) throws {
    let published = try #require(Self.published[frame.name], "frames.hex has no '\(frame.name)'")
    #expect(FrameFile.hex(frame.bytes) == FrameFile.hex(published))
  }

  @Test(arguments: Golden.frames) func decodesToTheSameValues(_ frame: GoldenFrame) throws {
    let published = try #require(Self.published[frame.name])
    try published.withUnsafeBytes { bytes in
      var cursor = FrameCursor(bytes)
      #expect(try cursor.openMessage() == frame.type)
      try frame.check(&cursor)
      #expect(cursor.offset == bytes.count)
    }
  }

  /// Readers may get a frame at any address: nothing may depend on its alignment.
  @Test(arguments: Golden.frames) func decodesAtAnyAddress(_ frame: GoldenFrame) throws {
    let bytes = frame.bytes
    for shift in 1..<8 {
      try (Array(repeating: 0xFF, count: shift) + bytes).withUnsafeBytes { shifted in
        var cursor = FrameCursor(UnsafeRawBufferPointer(rebasing: shifted[shift...]))
        #expect(try cursor.openMessage() == frame.type)
        try frame.check(&cursor)
      }
    }
  }

  @Test func everyTypeIsPublished() {
    #expect(Set(Golden.frames.map(\.type)) == Set(MessageType.allCases))
    #expect(Set(Golden.frames.map(\.name)) == Set(Self.published.keys))
    #expect(Golden.frames.count == Self.published.count)
  }

  /// One writer for all frames, one after the other: a frame does not depend on the one before.
  @Test func writersAreUsedAgain() {
    let writer = FrameWriter(capacity: 64)
    for frame in Golden.frames + Golden.frames.reversed() {
      frame.encode(writer)
      #expect(writer.array() == frame.bytes, "\(frame.name)")
    }
  }

  @Test func subscriptionsArePrefixes() throws {
    let weights = Golden.weights.bytes
    #expect(weights.starts(with: Weights.subscription(topic: "all")))
    #expect(!weights.starts(with: Weights.subscription(topic: "al")))
    #expect(!weights.starts(with: Weights.subscription(topic: "alls")))
    #expect(!weights.starts(with: Weights.subscription(topic: Golden.learner.description)))
    #expect(Golden.learner.description == "102132435465768798a9bacbdcedfe0f")
  }
}
