// The first inputs.

import Foundations
import Glibc

enum Seeds {
  /// The published frames, one a line: a name, a colon and hexadecimal bytes.
  static func frames(_ path: String) -> [[UInt8]] {
    String(decoding: Files.read(path), as: UTF8.self).split(separator: "\n").filter { !$0.hasPrefix("#") }
      .map { line in
        let parts = line.split(separator: ":")
        return (parts.last ?? "").split(separator: " ").compactMap { UInt8($0, radix: 16) }
      }
  }

  /// A writer and a sampler say HELLO; then other messages follow.
  static func conversation(seed: UInt64) -> [UInt8] {
    var generator = SeededGenerator(seed: seed)
    let noise = (0..<800).map { _ -> UInt8 in
      let byte = UInt8(generator.below(256))
      // In every other conversation little goes wrong; see `rarely` and `near`.
      return seed % 2 == 0 ? byte : byte & (byte % 8 < 6 ? 0xFE : 0xFC)
    }
    return [16, 1, 0, 0, 0, 0, 0, 0, 0] + [17, 2, 0, 0, 0] + noise
  }

  /// A conversation with each replay.
  static func conversations(prefix: [UInt8] = []) -> [[UInt8]] {
    ReplayVariant.allCases.indices.flatMap { variant in
      (0..<8 as Range<UInt64>).map { [UInt8(variant)] + prefix + conversation(seed: $0) }
    }
  }

  /// Changes of files, some of them with a conversation after.
  static func folders() -> [[UInt8]] {
    conversations(prefix: [0, 0])
      + conversations().map { conversation in
        // Damage; what follows is noise from the first byte on.
        [conversation[0], conversation[30]] + conversation[100...200]
      }
  }

  static func write(_ inputs: [[UInt8]], to folder: String) {
    _ = mkdir(folder, 0o755)
    for (index, input) in inputs.enumerated() { Files.write("\(folder)/seed-\(index)", input) }
  }
}
