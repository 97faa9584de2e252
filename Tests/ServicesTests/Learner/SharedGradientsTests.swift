// A learner that shares its gradients, against a scripted server.

import Algorithms
import Configuration
import Experience
import Foundations
import Testing
import Wire

@testable import Services

/// GRADIENT's fields, copied.
private struct SentGradient: Equatable {
  var sequence: UInt64
  var base: UInt64
  var incarnation: Identifier
  var rows: Int
  var values: [Float]
}

extension LearnerHarness {
  fileprivate static func sharing(
    _ rule: CountingRule = CountingRule(), resumed: ResumedLearner = ResumedLearner()
  ) -> LearnerHarness {
    var learner = LearnerHarness(resumed: resumed, rule: rule, aggregation: .gradients())
    learner.join(99)
    return learner
  }

  fileprivate mutating func join(_ incarnation: UInt64, merged: UInt64 = 0, at milliseconds: Double = 0) {
    fromServer(at: milliseconds) {
      Joined(incarnation: Fixtures.id(incarnation), index: 0, merged: merged, version: 1).encode(into: $0)
    }
  }

  fileprivate mutating func fromServer(at milliseconds: Double, _ encode: (FrameWriter) -> Void) {
    frame(encode).withUnsafeBytes { machine.receive($0, now: .at(milliseconds), parameters: parameters) }
  }

  fileprivate mutating func updated(
    _ sequence: UInt64, updates: UInt64, _ values: [Float], _ outcome: Updated.Outcome = .applied,
    of incarnation: UInt64 = 99, at milliseconds: Double = 2
  ) {
    values.withUnsafeBytes { values in
      fromServer(at: milliseconds) {
        Updated(
          incarnation: Fixtures.id(incarnation), sequence: sequence, outcome: outcome, staleness: 70,
          version: 9,
          updates: updates, clock: Double(updates), envSteps: 0, values: values
        ).encode(into: $0)
      }
    }
  }

  /// The gradients that were sent since the last call.
  fileprivate func gradients() -> [SentGradient] {
    parameters.take().filter { $0.type == .gradient }.compactMap { sent in
      sent.read { cursor in
        let gradient = try Gradient(from: &cursor)
        let values = (0..<gradient.values.count / 4).map {
          gradient.values.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self)
        }
        return SentGradient(
          sequence: gradient.sequence, base: gradient.base, incarnation: gradient.incarnation,
          rows: gradient.rows, values: values)
      }
    }
  }

  /// Delivers a batch. True if its gradient was computed.
  fileprivate mutating func compute() throws -> Bool {
    let before = machine.statistics.updates
    _ = try train()
    return machine.statistics.updates > before
  }
}

@Suite struct SharedGradientsTests {
  @Test func theNextGradientIsOnTheAnswersWeights() throws {
    var learner = LearnerHarness.sharing()
    learner.publish(1, [1, 2], updates: 40)
    #expect(try learner.compute())
    let gradient = SentGradient(
      sequence: 1, base: 40, incarnation: Fixtures.id(99), rows: 2, values: [0.5, -0.25])
    #expect(learner.gradients() == [gradient])
    #expect(learner.rule.steps == 0, "the server makes the update")
    #expect(try !learner.compute(), "it waits for the answer")
    learner.publish(2, [7, 7], updates: 44, merged: 1)
    #expect(try !learner.compute(), "a publication is no answer, even if it holds the gradient")
    #expect(learner.rule.values == [1, 2], "publications are for actors")
    learner.updated(1, updates: 43, [3, 4])
    #expect(
      learner.rule.values == [3, 4] && learner.rule.followed == [3] && learner.machine.clock.updates == 43)
    #expect(try learner.compute())
    #expect(learner.gradients().map(\.base) == [43])
    #expect(learner.machine.member.counters.changesMerged == 1)
  }

  /// While it waits for experience it takes newer weights, so that its gradient is not stale.
  @Test func anIdleLearnerFollowsPublications() throws {
    var learner = LearnerHarness.sharing()
    learner.publish(1, [1, 2], updates: 40)
    learner.publish(2, [5, 6], updates: 47)
    #expect(learner.rule.values == [5, 6] && learner.rule.followed == [7])
    learner.publish(3, [0, 0], updates: 46)
    #expect(learner.rule.values == [5, 6], "older")
    #expect(try learner.compute())
    #expect(learner.gradients().map(\.base) == [47])
  }

  @Test func anUnansweredGradientIsRepeated() throws {
    var learner = LearnerHarness.sharing()
    learner.publish(1, [1, 2], updates: 40)
    #expect(try learner.compute())
    let first = learner.gradients()
    learner.advance(400)
    #expect(learner.gradients().isEmpty)
    learner.advance(502)
    #expect(learner.gradients() == first && learner.machine.member.counters.changesRepeated == 1)
    learner.updated(1, updates: 41, [3, 4])
    learner.updated(1, updates: 42, [9, 9])
    #expect(learner.rule.values == [3, 4], "the answer to the repetition is old")
  }

  /// A restarted server does not know the gradient: it is sent again at once.
  @Test func aRestartedServerGetsTheGradientAgain() throws {
    var learner = LearnerHarness.sharing()
    learner.publish(1, [1, 2], updates: 40)
    #expect(try learner.compute())
    let first = learner.gradients()
    learner.publish(20, [0, 1], updates: 35, incarnation: 98)
    learner.advance(10)
    #expect(learner.rule.values == [1, 2])
    learner.join(98, at: 11)
    learner.advance(11)
    #expect(learner.gradients() == first)
    learner.updated(1, updates: 36, [3, 4], of: 98)
    #expect(try learner.compute())
    #expect(learner.gradients().map(\.incarnation) == [Fixtures.id(98)])
  }

  /// The answer of a restarted server comes before its publication, which is older.
  @Test func anOlderPublicationDoesNotFollowAnAnswer() throws {
    var learner = LearnerHarness.sharing()
    learner.publish(1, [1, 2], updates: 40)
    #expect(try learner.compute())
    learner.updated(1, updates: 36, [3, 4], of: 98)
    learner.publish(8, [0, 1], updates: 35, incarnation: 98)
    #expect(learner.machine.member.version == 9 && learner.rule.values == [3, 4])
    learner.join(98)
    #expect(try learner.compute())
  }

  @Test func aDroppedGradientIsCountedAndSaidOnce() throws {
    var learner = LearnerHarness.sharing()
    learner.publish(1, [1, 2], updates: 40)
    for sequence in 1...2 as ClosedRange<UInt64> {
      #expect(try learner.compute())
      learner.updated(sequence, updates: 100 + sequence, [3, 4], .dropped)
    }
    #expect(learner.rule.values == [3, 4])
    #expect(learner.machine.member.counters.gradientsDropped == 2)
    #expect(learner.machine.member.counters.changesMerged == 0)
    let texts = learner.machine.takeNotices().map(\.text)
    #expect(texts.count == 1 && texts[0].contains("70 updates late"))
  }

  @Test func answersThatCannotBeAreIgnored() throws {
    var learner = LearnerHarness.sharing()
    learner.publish(1, [1, 2], updates: 40)
    #expect(try learner.compute())
    learner.updated(2, updates: 41, [3, 4])
    learner.updated(1, updates: 41, [.nan, 4])
    learner.updated(1, updates: 41, [3])
    #expect(learner.rule.values == [1, 2] && learner.machine.member.counters.impossible == 2)
    #expect(learner.machine.member.counters.malformed == 1)
    learner.updated(1, updates: 41, [3, 4])
    #expect(learner.rule.values == [3, 4])
  }

  /// After a divergence the last good weights are pushed as a delta; then it shares gradients
  /// again.
  @Test func theLastGoodWeightsAreRestored() throws {
    var learner = LearnerHarness.sharing(
      resumed: ResumedLearner(updates: 5, lastGoodWeights: [2, 3]))
    learner.publish(7, [1e9, 0], updates: 50)
    #expect(try !learner.compute())
    learner.advance(1)
    let delta = try #require(learner.parameters.take().first { $0.type == .delta })
    let (restores, first) = try #require(
      delta.read { cursor in
        let delta = try Delta(from: &cursor)
        return (delta.restores, delta.values.loadUnaligned(as: Float.self))
      })
    #expect(restores && first == 2 - 1e9)
    learner.publish(8, [0, 3], updates: 51, merged: 1)
    #expect(try !learner.compute(), "rounding has lost some of it")
    learner.advance(2)
    #expect(learner.parameters.take().contains { $0.type == .delta })
    learner.publish(9, [2, 3], updates: 52, merged: 2)
    #expect(learner.rule.values == [2, 3])
    learner.publish(9, [2, 3], updates: 52, milestone: 9, topic: "milestone")
    #expect(try learner.compute())
    #expect(learner.gradients().map(\.base) == [52])
  }
}
