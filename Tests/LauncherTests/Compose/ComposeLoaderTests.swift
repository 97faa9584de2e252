// Files that refer to other files: variables, extends, include, overrides, profiles.

import Configuration
import Foundations
import Launcher
import Testing

@Suite struct ComposeLoaderTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private func write(_ name: String, _ text: String) throws -> String {
    let path = "\(folder.path)/\(name)"
    try TemporaryFolder.write(text, to: path)
    return path
  }

  private func problems(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "accepted"
    } catch {
      return "\(error)"
    }
  }

  /// The problems of a service `a` with `keys`.
  private func problems(of keys: String, profiles: [String] = [], _ variables: [String: String] = [:]) throws
    -> String
  {
    let file = try write("c.yaml", "services:\n  a:\n    command: x\n    \(keys)\nvolumes: {vol: }\n")
    return problems { _ = try ComposeFile(contentsOf: file, variables: variables, profiles: profiles) }
  }

  @Test func variablesOfTheFileBesideIt() throws {
    _ = try write(".env", "A=file\nB=file ${A} ${C}\nCOMPOSE_PROFILES=one\n")
    let file = try write(
      "c.yaml",
      "services: {a: {command: 'x $A $B', environment: [B]}, b: {command: y, profiles: [one]}, c: {command: z, profiles: [two]}}"
    )
    let compose = try ComposeFile(contentsOf: file, variables: ["A": "shell", "C": "c"])
    #expect(compose["a"]?.words == ["x", "shell", "file", "shell", "c"])
    #expect(compose["a"]?.environment == ["B": "file shell c"])
    #expect(compose.services.map(\.name) == ["a", "b"] && compose.inactiveServices == ["c"])
    _ = try write(".env", "A=1\nB='open\n")
    #expect(
      problems { _ = try ComposeFile(contentsOf: file, variables: [:]) }
        .hasPrefix("\(folder.path)/.env:2:1: expected a closing ', found none"))
  }

  @Test(arguments: [
    ("A=1", ["A": "1"]), ("A = 1 ", ["A": "1"]), ("export A=1 # x", ["A": "1"]), ("A: 1", ["A": "1"]),
    ("A=", ["A": ""]),
    ("\u{FEFF}A=1\r\nB=2\r\n", ["A": "1", "B": "2"]), ("# x\n\n  A=a#b", ["A": "a#b"]),
    ("OUT\nNOWHERE\nA=1", ["OUT": "out", "A": "1"]), ("A=$OUT ${NO:-no} $$x", ["A": "out no $x"]),
    ("A='$OUT \\' \\n'", ["A": "$OUT ' \\n"]),
    ("A=\"\\$OUT \\\"\\n\\t\\\\ \\0101\" # x", ["A": "$OUT \"\n\t\\ A"]),
    ("A='1\n2'\nB=3", ["A": "1\n2", "B": "3"]),
    ("A=1\nB=$A\nOUT=x\nC=$OUT", ["A": "1", "B": "1", "OUT": "x", "C": "out"]),
    ("a.b-c[0]=1", ["a.b-c[0]": "1"]), ("", [:]), ("exportA=1", ["exportA": "1"]),
  ])
  func environmentFiles(text: String, expected: [String: String]) throws {
    _ = try write("x.env", text)
    let file = try write("c.yaml", "services: {a: {command: x, env_file: x.env}}")
    let compose = try ComposeFile(contentsOf: file, variables: ["OUT": "out"])
    #expect(compose["a"]?.environment == expected)
  }

  @Test(arguments: [
    ("A=1\nB C=2", "x.env:2:1: expected NAME=value, found B C"),
    ("=1", "x.env:1:1: expected NAME=value, found =1"),
    ("A=\"1", "expected a closing \", found none"),
    ("A=1\nB='1' junk x", "x.env:2:1: expected NAME=value, found junk x"),
    ("A=${", "x.env:1:1: expected ${NAME}"),
    ("A=${B?why}", "expected the variable B to be set, found it is not; why"),
  ])
  func brokenEnvironmentFiles(text: String, expected: String) throws {
    _ = try write("x.env", text)
    let found = try problems(of: "env_file: x.env", ["NOWHERE": ""])
    #expect(found.contains(expected), "\(found)")
  }

  @Test(arguments: [
    ("env_file: {path: x}", "found no file"),
    ("env_file: [1, [2]]", "expected a path, or a mapping with path"),
    ("env_file: {path: x, required: maybe}", "env_file.required: expected true or false"),
    ("env_file: {path: x, format: raw}", "expected no format"),
    ("env_file: {path: x, need: true}", "found 'need'"),
    ("extends: {service: b, file: none.yaml}", "extends.file: expected a compose file that exists"),
    ("extends: {servce: b}", "found the key 'servce'"), ("extends: a", "extend each other in a cycle"),
    ("extends: [b]", "expected a service, or a mapping with service and file, found a list"),
    ("depends_on: {b: {required: false, restart: 3}}", "depends_on.b.restart: expected true or false"),
    ("working_dir: [x]", "expected a path"), ("profiles: x", "expected a list of names"),
    ("profiles: ['a b']", "expected a list of names"),
    ("configs: [x]", "found 'configs'; mount a file under volumes"), ("tmpfs: /x", "use a named volume"),
    ("secrets: [x]", "found 'secrets'"), ("links: [b]", "a service's name stands for its addresses"),
    ("ulimits: {nofile: 5}", "set limits by ulimit"),
    ("network_mode: none", "expected host or bridge, found none"),
    ("deploy: {mode: global}", "c.yaml:4:20: services.a.deploy.mode: expected replicated, found global"),
    ("deploy: {restart_policy: {condition: never}}", "expected none, on-failure or any, found never"),
    ("deploy: {restart_policy: {delay: 5}}", "restart_policy.delay: expected a duration with a unit"),
    ("deploy: {restart_policy: {max_attempts: -1}}", "expected a whole number, 0 or more, found -1"),
    ("volumes: [{type: tmpfs, target: /x}]", "volumes.type: expected volume or bind, found tmpfs"),
    ("volumes: [{type: volume, target: /x}]", "a volume's name, or a path for type: bind, found none"),
    ("volumes: [{type: volume, source: vol, target: x}]", "target: expected an absolute path below /"),
    ("volumes: ['vol:/x:rx']", "expected ro or rw after the second colon, found 'rx'"),
    ("volumes: {vol: /x}", "expected a list of SOURCE:/path"),
    ("volumes: [{type: bind, source: ./x, target: /x, bind: {create_host_path: false}}]", "expected true"),
    ("environment: !reset null", "expected a value without a tag of its own, found !reset"),
    ("command: !override [y]", "found !override"),
    ("healthcheck: {start_interval: 1}", "expected a duration"),
  ])
  func refused(keys: String, expected: String) throws {
    let found = try problems(of: keys)
    #expect(found.contains(expected), "\(found)")
    #expect(!found.contains("accepted"))
  }

  @Test func profiles() throws {
    #expect(try problems(of: "profiles: [debug]").contains("activate one of debug by --profile"))
    #expect(
      try problems(of: "profiles: [debug]", profiles: ["debgu"])
        == "--profile: expected a profile of \(folder.path)/c.yaml, found 'debgu'; did you mean 'debug'?")
    #expect(try problems(of: "profiles: [debug]", profiles: ["*"]) == "accepted")
    #expect(try problems(of: "profiles: [debug]", ["COMPOSE_PROFILES": "x, debug"]) == "accepted")
    #expect(try problems(of: "scale: 1", profiles: ["debug"]).contains("no service has profiles"))
    let file = try write("p.yaml", "services: {a: {command: x}}")
    #expect(
      try ComposeFile(contentsOf: file, variables: ["COMPOSE_PROFILES": "other"]).notes
        == ["COMPOSE_PROFILES names the profile 'other', which no service has"])
  }

  @Test func missingFiles() throws {
    #expect(
      problems { _ = try ComposeFile(contentsOf: folder.path + "/none.yaml", variables: [:]) }
        == "\(folder.path)/none.yaml: expected a readable file, found No such file or directory; "
        + "check the path; it is taken from the current folder")
    #expect(problems { _ = try ComposeFile(files: [], variables: [:]) }.contains("at least one compose file"))
    let file = try write("c.yaml", "services: {a: {command: [x\n")
    #expect(problems { _ = try ComposeFile(contentsOf: file, variables: [:]) }.contains("c.yaml:"))
    let other = try write("o.yaml", "services: {a: {environment: 3}}")
    let good = try write("g.yaml", "services: {a: {command: x, environment: {A: 1}, deploy: {replicas: 1}}}")
    #expect(
      problems { _ = try ComposeFile(files: [good, other], variables: [:]) }
        .contains("o.yaml:1:29: services.a.environment: expected a mapping or a list"))
    let third = try write("t.yaml", "services: {a: {deploy: 3}}")
    #expect(
      problems { _ = try ComposeFile(files: [good, third], variables: [:]) }
        .contains(
          "t.yaml:1:24: services.a.deploy: expected a mapping, as at \(good):1:57, to merge with, found 3"))
  }

  @Test func circlesAcrossFiles() throws {
    let a = try write(
      "a.yaml", "include: [b.yaml]\nservices: {a: {command: x, extends: {file: b.yaml, service: b}}}")
    _ = try write("b.yaml", "include: [a.yaml]\nservices: {b: {extends: {file: a.yaml, service: a}}}")
    let found = problems { _ = try ComposeFile(contentsOf: a, variables: [:]) }
    #expect(
      found.contains("b.yaml:1:11: include: expected files that do not include each other in a cycle"),
      "\(found)")
    #expect(found.contains("services.a.extends: expected services that do not extend each other"), "\(found)")
  }

  /// Each file includes the next one twice; without a limit 2^40 files would be read.
  @Test func includeBombsAreRefused() throws {
    for index in 0..<40 {
      _ = try write(
        "\(index).yaml",
        "include: [{path: \(index + 1).yaml}, {path: [\(index + 1).yaml]}]\nservices: {a: {command: x}}")
    }
    _ = try write("40.yaml", "services: {a: {command: x}}")
    let found = problems { _ = try ComposeFile(contentsOf: folder.path + "/0.yaml", variables: [:]) }
    #expect(found.contains("expected at most 1000 files in all, found more"), "\(found.prefix(1000))")
  }

  @Test func extendsBombsAreRefused() throws {
    var text = "services:\n  s0:\n    command: x\n    environment:\n"
    for index in 0..<1000 { text += "      V\(index): x\n" }
    for index in 1..<900 { text += "  s\(index): {extends: s0, environment: {A: b}}\n" }
    let file = try write("c.yaml", text)
    #expect(
      problems { _ = try ComposeFile(contentsOf: file, variables: [:]) }
        .contains("expected at most 200000 merged values, found more; extend smaller services"))
    var chain = "services:\n  s0: {command: x}\n"
    for index in 1..<900 { chain += "  s\(index): {extends: s\(index - 1)}\n" }
    let long = try write("l.yaml", chain)
    #expect(
      problems { _ = try ComposeFile(contentsOf: long, variables: [:]) }.contains(
        "a chain of at most 64 services"))
  }

  @Test func projectNames() throws {
    let text = "services: {a: {command: x}}"
    let plain = try ComposeFile(text: text, file: "/srv/My Pro_ject-1/c.yaml", variables: [:])
    #expect(plain.name == "mypro_ject-1" && plain.directory == "/srv/My Pro_ject-1")
    #expect(try ComposeFile(text: "name: n\n" + text, file: "c.yaml", variables: [:]).name == "n")
    let variables = ["COMPOSE_PROJECT_NAME": "v"]
    #expect(try ComposeFile(text: "name: n\n" + text, file: "c.yaml", variables: variables).name == "v")
    #expect(
      problems { _ = try ComposeFile(text: "name: Not so\n" + text, file: "c.yaml", variables: [:]) }
        .contains("c.yaml:1:7: name: expected a name of lower-case letters"))
  }
}
