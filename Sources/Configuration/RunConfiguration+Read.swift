// The top level of the keys.

extension RunConfiguration {
  /// Bytes of the longest name of a run, which also names a folder.
  static let nameLengthMax = 100

  /// Reads every key; the present values are the defaults.
  mutating func read(_ reader: inout ConfigurationReader) {
    reader.string(
      "name", &name,
      expected: "a name of letters, digits, '.', '_' and '-' that starts with a letter or digit",
      where: Self.isName)
    reader.integer("seed", &seed, 0...UInt64.max)
    reader.section("environment") { environment.read(&$0) }
    reader.section("algorithm") { algorithm.read(&$0) }
    reader.section("aggregation") { aggregation.read(&$0) }
    reader.section("actor") { actor.read(&$0) }
    reader.section("learner") { learner.read(&$0, algorithm: algorithm) }
    reader.section("replay") { replay.read(&$0, algorithm: algorithm, learner: learner) }
    reader.section("evaluator") { evaluator.read(&$0) }
    reader.section("recorder") { recorder.read(&$0) }
    reader.section("player") { player.read(&$0) }
    reader.section("stop") { stop.read(&$0) }
    reader.section("telemetry") { telemetry.read(&$0) }
  }

  /// Whether a text can name a run and its folder: 1 to 100 ASCII letters, digits, `.`, `_` and
  /// `-`, the first a letter or digit.
  public static func isName(_ text: String) -> Bool {
    guard let first = text.utf8.first, text.utf8.count <= nameLengthMax, isLetterOrDigit(first) else {
      return false
    }
    return text.utf8.allSatisfy { isLetterOrDigit($0) || "._-".utf8.contains($0) }
  }

  private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: false
    }
  }

  /// `config/cartpole.yaml` → `cartpole`; characters that a name cannot have become `-`.
  static func name(ofFile file: String) -> String? {
    var base = file.split(separator: "/").last.map(String.init) ?? file
    for suffix in [".yaml", ".yml"] where base.hasSuffix(suffix) { base.removeLast(suffix.count) }
    let name = String(base.prefix(nameLengthMax).map { isName("a\($0)") ? $0 : "-" })
    return isName(name) ? name : nil
  }
}
