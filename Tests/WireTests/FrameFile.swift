// The published frames in a file, one on each line: name, colon, hexadecimal bytes.

import Foundation

enum FrameFile {
  static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
  static let url = repository.appendingPathComponent("Tests/Fixtures/wire/frames.hex")

  private static let header = """
    # One published frame of each message (docs/PROTOCOL.md). Made by `ROOKERY_UPDATE_FIXTURES=1 swift test --filter WireTests`.

    """

  static func text(of frames: [GoldenFrame]) -> String {
    header + frames.map { "\($0.name): \(hex($0.bytes))\n" }.joined()
  }

  static func read() throws -> [String: [UInt8]] {
    var frames: [String: [UInt8]] = [:]
    for line in try String(contentsOf: url, encoding: .utf8).split(separator: "\n") where !line.hasPrefix("#")
    {
      let parts = line.split(separator: ":")
      frames[String(parts[0])] = parts[1].split(separator: " ").map { UInt8($0, radix: 16)! }
    }
    return frames
  }

  static func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
  }
}
