// Damaged files are refused or read, and never crash the launcher.

import Configuration
import Foundations
import Launcher
import Testing

@Suite struct MalformedTextTests {
  private static let root = #filePath.split(separator: "/").dropLast(4).map { "/" + $0 }.joined()
  private static let fragments = [
    "*", "&a ", "<<: ", "[", "]", "{", "}", "\n", "\t", "  ", ":", "- ", "\"", "'", "${", "$", "|", ">", "!",
    "#", "---",
    "\u{0}", "\u{FEFF}", "99999999999999999999", "é",
  ]

  /// Copies with a few parts deleted, doubled or replaced by hostile text.
  private func damaged(_ text: [UInt8], _ generator: inout SeededGenerator) -> [UInt8] {
    var bytes = text
    for _ in 0...generator.below(4) {
      let start = generator.below(bytes.count + 1)
      let end = min(bytes.count, start + generator.below(12))
      switch generator.below(4) {
      case 0: bytes.removeSubrange(start..<end)
      case 1: bytes.insert(contentsOf: bytes[start..<end], at: start)
      case 2: bytes.insert(UInt8(generator.below(256)), at: start)
      default: bytes.insert(contentsOf: Self.fragments[generator.below(Self.fragments.count)].utf8, at: start)
      }
    }
    return bytes
  }

  @Test(arguments: ["compose/compose.yaml", "config/cartpole.yaml"])
  func damage(path: String) throws {
    let text = Array(TemporaryFolder.text(of: "\(Self.root)/\(path)").utf8)
    try #require(text.count > 500)
    var generator = SeededGenerator(seed: 7)
    var refused = 0
    let folder = try TemporaryFolder()
    let file = folder.path + "/damaged.yaml"
    for round in 0..<200 {
      try TemporaryFolder.write(damaged(text, &generator), to: file)
      do throws(ConfigurationError) {
        _ = try ComposeFile(contentsOf: file, variables: [:])
      } catch {
        #expect(
          !error.problems.isEmpty && error.problems.allSatisfy { $0.place.hasPrefix(file) }, "round \(round)")
      }
      do throws(ConfigurationError) {
        _ = try EffectiveConfiguration(file: file)
      } catch {
        refused += 1
        #expect(
          !error.problems.isEmpty && error.problems.allSatisfy { $0.place.hasPrefix(file) }, "round \(round)")
      }
    }
    #expect(refused > 50)
  }
}
