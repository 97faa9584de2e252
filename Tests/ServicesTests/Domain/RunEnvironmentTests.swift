// The environment that a configuration selects.

import Algorithms
import Configuration
import Environments
import Experience
import Foundations
import Numerics
import Testing

@testable import Services

@Suite struct RunEnvironmentTests {
  private func run(_ settings: String...) throws -> RunConfiguration {
    try EffectiveConfiguration(file: nil, settings: settings.map { "environment.\($0)" }).run
  }

  @Test func builtInOnesAreNativeUnlessAskedOtherwise() throws {
    #expect(try run().isNative)
    #expect(try run("id=Acrobot-v1").environmentSpec() == EnvironmentCatalog.acrobot.spec)
    #expect(try !run("backend=gymnasium").isNative)
    #expect(try !run("arguments.render_mode=ansi").isNative)
    #expect(try !run("id=LunarLander-v3").isNative)
    #expect(throws: EnvironmentError.self) {
      try run("id=LunarLander-v3", "backend=native").environmentSpec()
    }
  }

  /// Facts in the configuration are used as they are: no Python is started.
  @Test func factsNeedNoPython() throws {
    let spec = try run(
      "id=X-v0", "python=/none", "observation.shape=[4, 84, 84]", "observation.type=uint8", "actions=6"
    ).environmentSpec()
    #expect(
      spec.observationShape == [4, 84, 84] && spec.observationType == .uint8 && spec.actions == .discrete(6))
    #expect(throws: EnvironmentFailure.self) {
      try run("id=X-v0", "python=/none", "actions=6").environmentSpec()
    }
  }

  @Test func argumentsNest() throws {
    let environment = try run(
      "arguments.gravity=-5.5", "arguments.a.b=true", "arguments.a.c.d=[1, null]", "arguments.name=x\"y"
    ).environment
    #expect(
      environment.argumentsJSON == #"{"a":{"b":true,"c":{"d":[1, null]}},"gravity":-5.5,"name":"x\"y"}"#)
  }

  @Test func theInterpreterIsFound() throws {
    var environment = EnvironmentConfiguration()
    environment.python = "mine"
    #expect(environment.interpreter(variable: nil) == "mine")
    #expect(environment.interpreter(variable: "") == "mine")
    #expect(environment.interpreter(variable: "other") == "other")
  }

  @Test func bytesGoThroughAnMLP() throws {
    let run = try run("id=X-v0", "observation.shape=[10, 10]", "observation.type=uint8", "actions=3")
    let algorithm = run.algorithm(for: try run.environmentSpec())
    #expect(algorithm.problem(observationBytes: 100, .uint8, actions: .discrete(3)) == nil)
    #expect(algorithm.problem(observationBytes: 400, .float32, actions: .discrete(3)) != nil)
    let box = ActionSpace.box(shape: [2], low: [0, 0], high: [1, 1])
    #expect(
      algorithm.problem(observationBytes: 100, .uint8, actions: box)
        == "it takes discrete actions, found a box of shape [2]")
  }
}
