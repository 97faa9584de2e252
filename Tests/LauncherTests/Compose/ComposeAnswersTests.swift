// The launcher's reading of compose files must equal that of `docker compose config`, whose answers
// `.ci/compose-config` records and checks.

import Configuration
import Foundations
import Launcher
import Testing

@Suite struct ComposeAnswersTests {
  static let fixtures =
    #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined() + "/Fixtures/compose"
  /// The same as in `.ci/compose-config`.
  static let variables = ["HOME": "/home/user", "FROM_SHELL": "shell", "FROM_BOTH": "shell", "EMPTY": ""]
  static let cases = TemporaryFolder.text(of: fixtures + "/cases").split(separator: "\n").map(String.init)

  @Test func thereAreCases() {
    #expect(Self.cases.count > 10)
  }

  /// An answer is itself a compose file, merged and in long form, so it must read like its source.
  @Test(arguments: cases)
  func sameAsDockerCompose(line: String) throws {
    let words = line.split(separator: " ").map(String.init)
    let name = words[0]
    var files: [String] = []
    var profiles: [String] = []
    for (option, value) in zip(words.dropFirst(), words.dropFirst(2)) {
      if option == "-f" { files.append("\(Self.fixtures)/\(value)") }
      if option == "--profile" { profiles.append(value) }
    }
    let path = "\(Self.fixtures)/golden/\(name).json"
    let text = TemporaryFolder.text(of: path)
    try #require(!text.isEmpty, "\(path) is missing: .ci/compose-config --record")
    let parts = text.split(separator: "/fixtures", omittingEmptySubsequences: false)
    let answer = try ComposeFile(
      text: parts.joined(separator: Self.fixtures), file: path, variables: [:], profiles: ["*"])

    let compose = try ComposeFile(files: files, variables: Self.variables, profiles: profiles)
    #expect(compose.name == answer.name)
    #expect(compose.services.map(\.name).sorted() == answer.services.map(\.name).sorted())
    for expected in answer.services {
      var found = try #require(compose[expected.name])
      found.dependencies.sort { $0.service < $1.service }
      found.mounts.sort { $0.target < $1.target }
      var expected = expected
      expected.dependencies.sort { $0.service < $1.service }
      expected.mounts.sort { $0.target < $1.target }
      #expect(found == expected)
    }
  }

  @Test func refusedByBoth() throws {
    let files = [
      ("cycle", "services.a.extends: expected services that do not extend each other in a cycle"),
      ("unknown-extends", "found 'nothing'; its services are a"),
      ("missing-env-file", "env_file: expected a file of variables, found no file"),
      ("bad-env-file", "bad.env:2:1: expected NAME=value, found B C; a line is"),
      ("unknown-dependency", "2:41: services.a.depends_on: expected a service of this file, found 'b'"),
      ("undeclared-volume", "services.a.volumes: expected a volume declared under volumes:, found 'vol'"),
      ("dependency-cycle", "a → b → a"), ("unknown-key", "did you mean 'command'?"),
      ("include-cycle", "include-cycle.yaml:1:11: include: expected files that do not include each other"),
      ("include-conflict", "services.a: expected the same description as at"),
      ("missing-include", "nowhere.yaml; the path is taken from"),
      ("inactive-dependency", "activate one of p by --profile"),
      ("interpolation", "expected ${NAME}"), ("required-variable", "found it is not; set it"),
    ]
    for (name, expected) in files {
      let file = "\(Self.fixtures)/refused/\(name).yaml"
      do {
        _ = try ComposeFile(contentsOf: file, variables: [:])
        Issue.record("\(name) was accepted")
      } catch {
        let text = "\(error)"
        #expect(text.contains(expected), "\(name): \(text)")
        #expect(text.contains(Self.fixtures), "\(name): \(text)")
      }
    }
  }
}
