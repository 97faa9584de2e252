// Failures in Python: their messages, and how the pool recovers.

import Environments
import Experience
import Foundations
import Glibc
import TestSupport
import Testing

@Suite(.enabled(if: GymnasiumSupport.python != nil, "ROOKERY_PYTHON names no Python with gymnasium"))
struct GymnasiumTroubleTests {
  private func failure(_ body: () throws -> Void) -> EnvironmentFailure? {
    do {
      try body()
      return nil
    } catch let failure as EnvironmentFailure {
      return failure
    } catch {
      Issue.record("another error: \(error)")
      return nil
    }
  }

  private func refusal(_ configuration: GymnasiumConfiguration) throws -> EnvironmentFailure {
    let failure = try #require(failure { _ = try configuration.askSpec() })
    #expect(failure.isSetup)
    return failure
  }

  @Test(arguments: [
    ("CartPole-v9", "environment", "Environment version `v9` for environment `CartPole` doesn't exist"),
    ("Lunarlander-v3", "environment", "Did you mean: `LunarLander`?"),
    ("nowhere:Env-v0", "environment", "no Python module 'nowhere'"),
    ("Pendulum-v1", "space", "a Discrete one is needed"),
    ("Blackjack-v1", "space", "a Box is needed"),
    ("trouble:Mapping-v0", "space", "gymnasium.wrappers.FlattenObservation"),
    ("trouble:Continuous-v0", "space", "action space Box"),
    (
      "trouble:Needy-v0", "environment",
      "not installed: no such engine; run `pip install \"gymnasium[engine]\"`"
    ),
  ])
  func refusals(id: String, kind: String, text: String) throws {
    _ = GymnasiumSupport.trouble("")
    let found = try refusal(GymnasiumSupport.configuration(id))
    #expect(found.kind.rawValue == kind, "\(found)")
    #expect(found.text.contains(text), "\(found)")
  }

  @Test func wrongArguments() throws {
    let found = try refusal(GymnasiumSupport.configuration("CartPole-v1", arguments: "{\"gravitas\": 3}"))
    #expect(found.kind == .arguments && found.text.contains("'gravitas'"), "\(found)")
  }

  @Test func interpreters() throws {
    var configuration = GymnasiumSupport.configuration("CartPole-v1")
    configuration.python = "/none/python3"
    var found = try refusal(configuration)
    #expect(found.kind == .simulator, "\(found)")
    #expect(
      found.text.hasPrefix("the Python interpreter '/none/python3' cannot be started: No such file"),
      "\(found)")
    #expect(found.text.contains("ROOKERY_PYTHON"))
    configuration.python = "false"
    found = try refusal(configuration)
    #expect(
      found.kind == .simulator && found.text.contains("ended (exit code 1) before it answered"),
      "\(found)")
  }

  /// An interpreter that ignores installed packages, so that it lacks Gymnasium.
  @Test func gymnasiumIsMissing() throws {
    let folder = TemporaryFolder()
    let path = "\(folder.path)/python"
    let file = try #require(fopen(path, "w"))
    fputs("#!/bin/sh\nexec \"\(GymnasiumSupport.python!)\" -I -S \"$@\"\n", file)
    fclose(file)
    chmod(path, 0o755)
    var configuration = GymnasiumSupport.configuration("CartPole-v1")
    configuration.python = path
    let found = try refusal(configuration)
    #expect(found.kind == .simulator, "\(found)")
    #expect(found.text.contains("lacks the package 'gymnasium'; install it: "), "\(found)")
    #expect(found.text.contains("-m pip install 'gymnasium>=1.0'"))
  }

  @Test func anExceptionWhileMaking() throws {
    let found = try refusal(GymnasiumSupport.trouble("Trouble-v0", arguments: "{\"kind\": \"setup\"}"))
    #expect(found.kind == .raised && found.text == "RuntimeError: cannot be made", "\(found)")
    #expect(found.traceback.last == "RuntimeError: cannot be made", "\(found)")
  }

  @Test func anotherEnvironmentThanConfigured() throws {
    let configuration = GymnasiumSupport.configuration("CartPole-v1")
    var spec = try configuration.askSpec()
    spec.observationShape = [5]
    // The worker ends before it reads the reset; its reason must arrive even so, every time.
    for _ in 0..<5 {
      let batch = try GymnasiumPool(configuration, spec: spec, count: 1, seed: 1).batches()[0]
      let found = try #require(failure { try batch.reset() })
      #expect(found.kind == .space && found.text.contains("shape [4] in this environment"), "\(found)")
    }
  }

  /// One worker of two fails once, at its tenth step. Then every half needs a reset, after which
  /// all steps work again.
  @Test(arguments: [
    ("raise", "raised", "ValueError: the sky fell"), ("die", "ended", "Killed"),
    ("hang", "hung", "took longer than 1.5 s (environment.timeout_s)"),
    ("nan", "value", "finite reward, found nan"),
  ])
  func failsAndGoesOn(kind: String, expected: String, text: String) throws {
    let folder = TemporaryFolder()
    var configuration = GymnasiumSupport.trouble(
      "Trouble-v0",
      arguments: "{\"kind\": \"\(kind)\", \"marker\": \"\(folder.path)/marker\"}",
      timeout: kind == "hang" ? 1.5 : 60)
    configuration.workers = 2
    let pool = try GymnasiumSupport.pool(configuration, count: 4, halves: 2)
    let halves = pool.batches()
    func steps(_ count: Int) throws {
      for half in halves { try half.beginReset(seed: nil) }
      for _ in 0..<count {
        for half in halves {
          try half.finishStep()
          try half.beginStep(actions: [Int32](arrayLiteral: 1, 2))
        }
      }
      for half in halves { try half.finishStep() }
    }
    let found = try #require(failure { try steps(20) })
    #expect(found.kind.rawValue == expected && found.text.contains(text), "\(found)")
    #expect(!found.isSetup)
    if kind == "raise" {
      #expect(found.traceback.last == "ValueError: the sky fell")
      #expect(found.traceback.contains { $0.contains("trouble.py") })
    }
    // Both halves are unusable until reset.
    for half in halves {
      #expect(throws: EnvironmentFailure.self) { try half.step(actions: [0, 0]) }
    }
    try steps(30)
    for half in halves { #expect(half.rewards[0].isFinite) }
  }

  /// NumPy would broadcast the scalar over the row.
  @Test func anObservationOfAnotherShape() throws {
    let configuration = GymnasiumSupport.trouble("Trouble-v0", arguments: "{\"kind\": \"scalar\"}")
    let batch = try GymnasiumSupport.pool(configuration, count: 2).batches()[0]
    try batch.reset()
    let found = try #require(failure { try batch.step(actions: [0, 0]) })
    #expect(found.kind == .raised && !found.isSetup, "\(found)")
    #expect(
      found.text
        == "ValueError: an observation of shape () from step(), but observation_space has (3,)", "\(found)"
    )
  }

  /// Waiting for a long step does not block the caller.
  @Test func waitingIsShort() throws {
    let pool = try GymnasiumSupport.pool(
      GymnasiumSupport.trouble("Trouble-v0", arguments: "{\"kind\": \"slow\"}"), count: 3)
    let batch = pool.batches()[0]
    try batch.reset()
    try batch.beginStep(actions: [Int32](repeating: 1, count: 3))
    var waits = 0
    while try !batch.waitBriefly() { waits += 1 }
    // 0.3 s in slices of 20 ms.
    #expect(waits >= 4)
    try batch.finishStep()
    #expect(batch.rewards[0] == 1)
  }

  @Test func nothingIsLeft() throws {
    let configuration = GymnasiumSupport.configuration("CartPole-v1")
    var before: Set<Int32> = []
    do {
      var configuration = configuration
      configuration.workers = 2
      let pool = try GymnasiumSupport.pool(configuration, count: 4)
      try pool.batches()[0].reset()
      before = Set(pool.workerIdentifiers)
      #expect(before.count == 2)
    }
    for process in before { #expect(kill(process, 0) == -1 && errno == ESRCH) }
  }
}
