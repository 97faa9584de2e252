// Bounds on staleness, and what does not go together with them.

import Configuration
import Experience
import Testing

@Suite struct StalenessKeysTests {
  @Test func aPacedQueueHasItemsWithContext() throws {
    let text = "algorithm: {name: policy-gradient, trajectory_steps: 7}\nreplay: {max_staleness: 1}\n"
    let run = try load(text).run
    #expect(run.staleness == StalenessBound(max: 1, keeping: .pace))
    let table = try #require(run.learnersTable)
    #expect(table.period == 8 && table.length == 9 && table.isQueue)
    #expect(table.rateLimiter.samplesPerInsert == 0 && table.rateLimiter.minSize == 1)
    #expect(run.conflicts.isEmpty)
  }

  @Test(arguments: ["drop", "correct"]) func otherQueuesHaveNoContext(keeping: String) throws {
    let text =
      "algorithm: {name: actor-critic, trajectory_steps: 7}\nreplay: {max_staleness: 4, when_stale: \(keeping)}\n"
    let run = try load(text).run
    let table = try #require(run.learnersTable)
    #expect(table.period == 7 && table.length == 8 && table.rateLimiter.samplesPerInsert == 1)
    #expect(run.staleness?.max == 4 && run.conflicts.isEmpty)
  }

  @Test func noBoundIsTheDefault() throws {
    #expect(try load("algorithm: {name: actor-critic}\n").run.staleness == nil)
    #expect(try load("algorithm: {name: actor-critic}\nreplay: {max_staleness: null}\n").run.staleness == nil)
  }

  /// A table of several may have the bound, if learners sample it.
  @Test func aTableMayHaveTheBound() throws {
    let text = """
      algorithm: {name: actor-critic}
      replay:
        tables:
          experience: {kind: sequence, sampler: fifo, max_times_sampled: 1, max_staleness: 3, when_stale: drop}
          steps: {kind: record}
      """
    #expect(try load(text).run.staleness == StalenessBound(max: 3, keeping: .drop))
  }

  @Test(arguments: [
    ("name: dqn", "replay: {max_staleness: 0}", "not a queue of sequences"),
    (
      "name: actor-critic", "replay: {tables: {experience: {}, t: {kind: sequence, max_staleness: 1}}}",
      "replay.tables.t.max_staleness: expected null"
    ),
    (
      "name: actor-critic", "replay: {max_staleness: 1}\nlearner: {replicas: 2}",
      "with averaging each of 2 learners makes updates of its own"
    ),
    (
      "name: actor-critic",
      "replay: {max_staleness: 0}\nlearner: {replicas: 2}\naggregation: {kind: gradients, mode: asynchronous}",
      "at least 1 with 2 learners"
    ),
    (
      "name: actor-critic",
      "replay: {max_staleness: 0}\nlearner: {replicas: 2}\naggregation: {kind: gradients, mode: synchronous, quorum: 1}",
      "at least 1 with 2 learners"
    ),
    (
      "name: actor-critic", "replay: {max_staleness: 1}\nlearner: {batches_per_request: 2}",
      "set learner.batches_per_request to 1"
    ),
    (
      "name: actor-critic", "replay: {max_staleness: 1, rate_limiter: {samples_per_insert: 1}}",
      "0 with when_stale pace"
    ),
    ("name: actor-critic", "replay: {max_staleness: 1, storage: file}", "memory with when_stale pace"),
    ("name: actor-critic", "replay: {max_staleness: 100, capacity: 20000}", "twice what may wait"),
    ("name: actor-critic", "replay: {max_staleness: -1}", "a whole number from 0 to 65536, or null"),
    ("name: actor-critic", "replay: {max_staleness: 65537}", "a whole number from 0 to 65536, or null"),
    ("name: policy-gradient", "replay: {max_staleness: 4, when_stale: correct}", "nothing corrects"),
    (
      "name: actor-critic, vtrace: {enabled: false}", "replay: {max_staleness: 4, when_stale: correct}",
      "set replay.when_stale to pace or drop"
    ),
    (
      "name: actor-critic", "replay: {max_staleness: 4}\nactor: {when_blocked: drop_oldest}",
      "block with when_stale pace"
    ),
    ("name: actor-critic", "replay: {when_stale: wait}", "pace, drop, correct"),
  ])
  func whatDoesNotGoTogetherIsRefused(algorithm: String, rest: String, expected: String) {
    let text = problems("algorithm: {\(algorithm)}\n\(rest)\n").joined(separator: "\n")
    #expect(text.contains(expected), "\(text)")
  }

  /// All learners' gradients make one update: nothing is older for the others.
  @Test func synchronousLearnersMayTrainOnPolicy() throws {
    let text = """
      algorithm: {name: policy-gradient}
      replay: {max_staleness: 0}
      learner: {replicas: 2}
      aggregation: {kind: gradients, mode: synchronous, quorum: 100%}
      """
    #expect(try load(text).run.conflicts.isEmpty)
  }
}
