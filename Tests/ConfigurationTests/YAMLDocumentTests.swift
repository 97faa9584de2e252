// YAML trees, their places, and their bounds.

import Configuration
import Testing

@Suite struct YAMLDocumentTests {
  private func problem(_ text: String) -> String {
    do {
      _ = try YAMLDocument(text, file: "f.yaml")
      return "accepted"
    } catch {
      return error.description
    }
  }

  @Test func nodesKnowTheirPlaces() throws {
    let root = try YAMLDocument("a: 1\nb:\n  - x\n  - {c: d}\n", file: "f.yaml").root
    let pairs = try #require(root.mapping)
    #expect(pairs.map(\.key) == ["a", "b"])
    #expect(pairs[0].value.place.description == "f.yaml:1:4")
    #expect(pairs[1].keyPlace.description == "f.yaml:2:1")
    let list = try #require(root["b"]?.sequence)
    #expect(list[1]["c"]?.string == "d")
    #expect(list[1]["c"]?.place == SourcePlace(file: "f.yaml", line: 4, column: 9))
  }

  @Test(
    arguments: [
      ("1", 1, 1.0), ("-12", -12, -12), ("200_000", 200_000, 200_000), ("2e5", 200_000, 200_000),
      ("1.5", nil, 1.5), ("abc", nil, nil), ("'1'", nil, nil), ("0x10", nil, nil), (".inf", nil, nil),
      ("nan", nil, nil), ("1e400", nil, nil), ("9223372036854775808", nil, 9223372036854775808.0),
      ("e", nil, nil), ("_1", nil, nil), ("-", nil, nil),
    ] as [(String, Int?, Double?)])
  func numbers(text: String, integer: Int?, double: Double?) throws {
    let node = try YAMLDocument("- \(text)", file: "f").root.sequence?.first
    #expect(node?.integer(Int.self) == integer)
    #expect(node?.double == double)
  }

  @Test func quotedScalarsAreStrings() throws {
    let root = try YAMLDocument("[true, 'true', ~, 'null', !!str 5]", file: "f").root
    let nodes = try #require(root.sequence)
    #expect(nodes.map(\.bool) == [true, nil, nil, nil, nil])
    #expect(nodes.map(\.isNull) == [false, false, true, false, false])
    #expect(nodes[4].integer(Int.self) == nil && nodes[4].string == "5")
  }

  @Test func aliasesAndMergeKeys() throws {
    let text = """
      base: &base {a: 1, b: 2}
      more: &more {b: 3, c: 4}
      one: {<<: *base, b: 9}
      two: {<<: [*base, *more]}
      """
    let root = try YAMLDocument(text, file: "f").root
    func values(_ key: String) -> [String: String] {
      Dictionary(uniqueKeysWithValues: (root[key]?.mapping ?? []).map { ($0.key, $0.value.string ?? "") })
    }
    #expect(values("one") == ["a": "1", "b": "9"])
    #expect(values("two") == ["a": "1", "b": "2", "c": "4"])
  }

  @Test func refusals() {
    #expect(problem("a: 1\nb: 2\na: 3").hasPrefix("f.yaml:3:1: expected each key once, found 'a' again"))
    #expect(problem("a: 1\n---\nb: 2").hasPrefix("f.yaml:2:1: expected one YAML document"))
    #expect(
      problem("a: *x").hasPrefix(
        "f.yaml:1:4: expected the name of an anchor whose value is complete before this line, found *x"))
    #expect(problem("a: &x [*x]").contains("found *x"))
    #expect(problem("a: [1, 2").contains("expected valid YAML"))
    #expect(problem("a:\n\t- 1").hasPrefix("f.yaml:2:1: expected valid YAML"))
    #expect(problem("? [a]\n: b").contains("expected a name as key"))
    #expect(problem("a: !thing b").contains("without a tag"))
    #expect(problem("a: {<<: 5}").contains("to merge by <<"))
    #expect(problem("").hasPrefix("accepted") && problem("\u{FEFF}a: 1") == "accepted")
  }

  @Test func malformedBytesAreRefused() throws {
    #expect(problem("a: \u{1}").contains("UTF-8 text"))
  }

  @Test func nestingIsBounded() {
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    #expect(problem(nested(YAMLDocument.depthMax)) == "accepted")
    #expect(problem(nested(YAMLDocument.depthMax + 1)).contains("64 levels"))
    #expect(problem(nested(100_000)).contains("expected"))
  }

  @Test func nestingThroughAliasesIsBounded() {
    var text = "a0: &a0 []\n"
    for i in 1...80 { text += "a\(i): &a\(i) [*a\(i - 1)]\n" }
    #expect(problem(text).contains("64 levels"))
  }

  @Test func aliasBombsAreRefused() {
    var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for i in 1...9 {
      let references = Array(repeating: "*a\(i - 1)", count: 10).joined(separator: ", ")
      text += "a\(i): &a\(i) [\(references)]\n"
    }
    #expect(problem(text).contains("at most 100000 values"))
  }

  @Test func missingFile() {
    #expect(throws: ConfigurationError.self) { try YAMLDocument(contentsOf: "/nowhere/x.yaml") }
    #expect(throws: ConfigurationError.self) { try YAMLDocument(contentsOf: "/tmp") }
  }
}
