// When an actor retries a failing environment.

import Environments
import Foundations
import Testing

@testable import Services

@Suite struct EnvironmentRecoveryTests {
  private let failure = EnvironmentFailure(
    .raised, of: "X-v0", "ValueError: no", traceback: ["line 1", "ValueError: no"], isSetup: false)

  @Test func waitsLongerEachTime() throws {
    var recovery = EnvironmentRecovery()
    var now = Instant.zero + .seconds(100)
    var waits: [Double] = []
    for _ in 0..<5 {
      let again = try recovery.retry(after: failure, now: now)
      waits.append((again - now).seconds)
      now = again + .seconds(1)
    }
    #expect(waits == [0.1, 0.2, 0.4, 0.8, 1.6])
    do {
      _ = try recovery.retry(after: failure, now: now)
      Issue.record("a sixth try")
    } catch let last as EnvironmentFailure {
      #expect(last.text == "6 failures in a row; the last: ValueError: no")
      #expect(last.description.hasSuffix("\n  | line 1\n  | ValueError: no"))
    }
    #expect(recovery.failures == 6 && recovery.hangs == 0)
  }

  @Test func workBetweenThemForgives() throws {
    var recovery = EnvironmentRecovery()
    var now = Instant.zero
    for _ in 0..<20 { now = try recovery.retry(after: failure, now: now + .seconds(10.1)) }
    #expect(recovery.failures == 20)
  }

  @Test func whatCannotBeMadeIsFinal() {
    var recovery = EnvironmentRecovery()
    var setup = failure
    setup.isSetup = true
    #expect(throws: setup) { _ = try recovery.retry(after: setup, now: .zero) }
  }
}
