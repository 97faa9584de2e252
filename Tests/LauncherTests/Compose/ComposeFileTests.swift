// Compose files: honoured and refused keys.

import Foundations
import Launcher
import Testing

@Suite struct ComposeFileTests {
  private static let root = #filePath.split(separator: "/").dropLast(4).map { "/" + $0 }.joined()

  private func decode(_ text: String, _ variables: [String: String] = [:]) throws -> ComposeFile {
    try ComposeFile(text: text, file: "c.yaml", variables: variables)
  }

  private func problems(_ text: String, _ variables: [String: String] = [:]) -> String {
    do {
      _ = try decode(text, variables)
      return "accepted"
    } catch {
      return "\(error)"
    }
  }

  /// Problems of one service's body, on line 3.
  private func problems(ofService body: String) -> String {
    problems("services:\n  a:\n    \(body)\n    command: x\nvolumes: {vol: }")
  }

  @Test func theShippedFile() throws {
    let path = "\(Self.root)/compose/compose.yaml"
    let compose = try ComposeFile(
      contentsOf: path, variables: ["ROOKERY_ACTORS": "5", "ROOKERY_CONFIG": "runs/x/config.yaml"])
    #expect(compose.services.map(\.name) == ["replay", "parameters", "learner", "actor", "evaluator"])
    #expect(compose.services.map(\.replicas) == [1, 1, 1, 5, 1])
    for service in compose.services {
      #expect(service.command == ["rookery", service.name])
      #expect(service.environment["ROOKERY_CONFIG"] == "runs/x/config.yaml")
      #expect(service.environment["ROOKERY_REPLAY_ADDRESS"] == "tcp://replay:7701")
      #expect(service.environment["ROOKERY_PARAMETERS_ADDRESS"] == "tcp://parameters:7702")
      #expect(service.environment["ROOKERY_WEIGHTS_ADDRESS"] == "tcp://parameters:7703")
      #expect(service.restart == .onFailure(limit: nil))
      #expect(service.stopGrace == .seconds(5) && service.stopSignal == 15)
      #expect(service.mounts.map(\.volume) == ["state", nil])
      #expect(service.mounts[1].source == .folder(Self.root + "/config"))
    }
    #expect(compose["actor"]?.dependencies == [.init("replay"), .init("parameters")])
    #expect(compose.volumes == ["state"])
    #expect(
      compose.notes == [
        "'image' has no meaning for local processes and is ignored",
        "'build' has no meaning for local processes and is ignored",
        "read-only volumes are not enforced for local processes",
        "'ports' has no meaning for local processes and is ignored",
      ])
    #expect(compose.name == "rookery" && compose.directory == Self.root + "/compose")
    let check = try #require(compose["replay"]?.healthcheck)
    #expect(check.command == ["rookery", "health", "tcp://localhost:7701"])
    #expect(check.startInterval == .seconds(2))
    let plain = try ComposeFile(contentsOf: path, variables: [:])
    #expect(plain["actor"]?.replicas == 2)
    #expect(plain["actor"]?.environment["ROOKERY_CONFIG"] == "config/cartpole.yaml")
  }

  @Test func everyHonouredKey() throws {
    let text = """
      name: test
      services:
        a:
          build: .
          command: ["run", "a b", "$$HOME"]
          environment: [X=1=2, Y, UNSET, "EMPTY="]
          scale: 3
          deploy: {replicas: 3}
          restart: on-failure:4
          stop_signal: INT
          stop_grace_period: 1m30s
          volumes: [vol:/data]
          healthcheck: {test: [CMD, probe, x], interval: 2s, timeout: 500ms, retries: 5, start_period: 1s}
        b:
          command: run 'a b' "c \\"d" e\\ f ''
          environment: {X: 1, Y: , Z: "${Z:-z}"}
          depends_on: {a: {condition: service_healthy}}
          restart: no
          healthcheck: {test: curl x, disable: true}
      volumes: {vol: {}}
      networks: {n: {}}
      """
    let compose = try decode(text, ["Y": "y"])
    let a = try #require(compose["a"])
    let b = try #require(compose["b"])
    #expect(a.command == ["run", "a b", "$HOME"])
    #expect(a.environment == ["X": "1=2", "Y": "y", "EMPTY": ""])
    #expect(a.replicas == 3 && a.restart == .onFailure(limit: 4) && a.stopSignal == 2)
    #expect(a.stopGrace == .seconds(90))
    #expect(a.mounts == [.init(volume: "vol", target: "/data")])
    var check = Healthcheck(command: ["probe", "x"])
    (check.interval, check.timeout, check.retries) = (.seconds(2), .milliseconds(500), 5)
    check.startPeriod = .seconds(1)
    #expect(a.healthcheck == check)
    #expect(b.command == ["run", "a b", "c \"d", "e f", ""])
    #expect(b.environment == ["X": "1", "Y": "y", "Z": "z"])
    #expect(b.dependencies == [.init("a", .healthy)] && b.restart == .no && b.healthcheck == nil)
    #expect(compose.notes.count == 2)
  }

  @Test(arguments: [
    ("${A}", "1"), ("$A-", "1-"), ("${A:-x}", "1"), ("${E:-x}", "x"), ("${E-x}", ""), ("${N-x}", "x"),
    ("${A:+y}", "y"), ("${N:+y}", ""), ("${N:-${A}2${E:-}}", "12"), ("a$$b", "a$b"), ("${A:?no}", "1"),
    ("${E?no}", ""), ("${N:-a}b}", "ab}"), ("$N", ""),
  ])
  func interpolation(text: String, expected: String) throws {
    let yaml = "services: {a: {command: x, environment: {V: '\(text)'}}}"
    let value = try decode(yaml, ["A": "1", "E": ""])["a"]?.environment["V"]
    #expect(value == expected)
  }

  @Test(arguments: ["${A", "$", "${", "${1}", "${A:=x}", "${A-${B}", "$1", "${A b}"])
  func brokenInterpolation(text: String) {
    let found = problems("services:\n  a: {command: x, environment: {V: '\(text)'}}")
    #expect(found.hasPrefix("c.yaml:2:36: expected ${NAME} or ${NAME:-default}, found $"), "\(found)")
  }

  @Test func deepInterpolationIsRefused() {
    let text = String(repeating: "${A:-", count: 10_000) + String(repeating: "}", count: 10_000)
    #expect(problems("services: {a: {command: '\(text)'}}").contains("expected ${NAME}"))
  }

  @Test func aRequiredVariable() {
    let found = problems("services: {a: {command: '${X:?set X to a path}'}}")
    #expect(
      found.contains("c.yaml:1:25: expected the variable X to be set, found it is not; set X to a path"))
  }

  @Test func unsetVariablesAreNoted() throws {
    #expect(
      try decode("services: {a: {command: 'x $NOPE'}}").notes == [
        "the variable NOPE is not set; its value is taken to be empty"
      ])
  }

  @Test(arguments: [
    (
      "privileged: true",
      "c.yaml:3:5: services.a: expected a key that the launcher honours, found 'privileged'"
    ),
    ("comand: y", "found 'comand'; did you mean 'command'?"),
    (
      "deploy: {resource: {}}",
      "services.a.deploy: expected a key that the launcher honours, found 'resource'"
    ),
    ("deploy: {replicas: -1}", "c.yaml:3:24: services.a.deploy.replicas: expected a whole number from 0"),
    ("scale: many", "expected a whole number from 0"),
    ("restart: sometimes", "on-failure:N with N ≥ 1, found sometimes"),
    ("restart: on-failure:0", "on-failure:N with N ≥ 1"),
    ("stop_signal: SIGNAL", "expected a signal"),
    ("stop_grace_period: 10", "expected a duration with a unit, found 10; write for example 10s"),
    ("stop_grace_period: 10d", "expected a duration"),
    (
      "environment: {A: true}",
      "c.yaml:3:22: services.a.environment.A: expected a string, a number or nothing, found true; put it in quotes"
    ),
    ("environment: {A: [1]}", "services.a.environment.A: expected a string"),
    ("environment: [=1]", "expected NAME=value"),
    ("depends_on: [b]", "c.yaml:3:17: services.a.depends_on: expected a service of this file, found 'b'"),
    ("depends_on: [a]", "expected dependencies without a cycle, found a → a"),
    ("depends_on: {a: {condition: ready}}", "or service_completed_successfully, found ready"),
    ("volumes: [other:/x]", "expected a volume declared under volumes:, found 'other'"),
    ("volumes: [v:/x]", "reads a single letter as a drive, found 'v'"),
    ("volumes: [/x]", "give the volume a name, NAME:/x"),
    ("healthcheck: {test: [CMD]}", "expected [CMD, word, …]"),
    ("healthcheck: {interval: 1s}", "services.a.healthcheck: expected a test, found none"),
    ("healthcheck: {test: x, retries: 0}", "expected a whole number from 1 to 1000"),
  ])
  func refusedServices(body: String, expected: String) {
    let found = problems(ofService: body)
    #expect(found.contains(expected), "\(found)")
  }

  @Test(arguments: [
    ("services: {a: {image: x}}", "c.yaml:1:12: services.a: expected a command, found none"),
    ("services: {a: {command: \"x 'y\"}}", "expected a command line"),
    ("services: {a: {command: []}}", "expected a command, found none"),
    ("services: {'a b': {command: x}}", "expected a name of letters"),
    ("services: {}", "expected at least one service"), ("", "expected at least one service"),
    ("services: [a]", "expected a mapping of services"),
    (
      "secrets: {}\nservices: {a: {command: x}}",
      "c.yaml:1:1: expected a key that the launcher honours, found 'secrets'"
    ),
    ("volumes: {v: {driver: nfs}}\nservices: {a: {command: x}}", "volumes.v: expected nothing"),
    ("services: {a: {command: x, scale: 1, deploy: {replicas: 2}}}", "expected the same number"),
    ("services: {a: {command: x, depends_on: [b]}, b: {command: x, depends_on: [a]}}", "a → b → a"),
  ])
  func refusedFiles(text: String, expected: String) {
    let found = problems(text)
    #expect(found.contains(expected), "\(found)")
  }

  @Test func allProblemsAtOnce() {
    let found = problems("services:\n  a: {scale: x, restart: y}\n  b: {command: x, user: z}\n")
    #expect(found.split(separator: "\n").count == 4, "\(found)")
  }
}
