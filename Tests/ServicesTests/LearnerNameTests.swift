// Names that learners hold.

import Foundations
import Glibc
import TestSupport
import Testing

@testable import Services

@Suite struct LearnerNameTests {
  private let folder = TemporaryFolder()
  private let log = Log("test")

  /// As containers do: each calls itself 1.
  @Test func eachLearnerHasANameOfItsOwn() throws {
    let run = "\(folder.path)/run"
    mkdir(run, 0o700)
    defer { _ = try? ProcessSpawn("rm", ["-r", run]).start().wait() }
    var first: LearnerName? = LearnerName.claim(in: run, replica: 0, log)
    let second = LearnerName.claim(in: run, replica: 0, log)
    #expect(first?.text == "learner-1" && second.text == "learner-2")
    #expect(LearnerName.claim(in: run, replica: 4, log).text == "learner-5")
    first = nil
    #expect(LearnerName.claim(in: run, replica: 0, log).text == "learner-1", "its process has ended")
    withExtendedLifetime(second) {}
  }

  @Test func withoutLocksItGoesOn() {
    #expect(LearnerName.claim(in: "/proc/none", replica: 2, log).text == "learner-3")
  }
}
