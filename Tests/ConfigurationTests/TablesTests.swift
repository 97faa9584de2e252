// Several tables in one configuration.

import Configuration
import Experience
import Testing

@Suite struct TablesTests {
  private func load(_ tables: String, _ settings: [String] = []) throws(ConfigurationError)
    -> RunConfiguration
  {
    try EffectiveConfiguration(
      text: "replay:\n  sampler: uniform\n  tables:\n\(tables)", file: "run.yaml", settings: settings
    ).run
  }

  private func problems(_ tables: String, _ settings: [String] = []) -> [String] {
    do {
      _ = try load(tables, settings)
      return []
    } catch { return error.problems.map(\.description) }
  }

  private let three = """
        steps: {kind: record}
        experience:
        unroll: {kind: sequence, length: 21, period: 20, episodes: pad, sampler: fifo, max_times_sampled: 1}

    """

  @Test func withoutAnyThereIsTheAlgorithms() throws {
    let run = try EffectiveConfiguration(file: nil, settings: ["algorithm.n_step=5", "learner.table=mine"])
      .run
    #expect(run.replay.tables.isEmpty && run.tables.map(\.name) == ["mine"])
    #expect(run.tables[0].kind == .transition && run.tables[0].nStep == 5 && run.tables[0].discount == 0.99)
    #expect(run.tables[0].rateLimiter == run.replay.rateLimiter && run.tables[0].batchMax == 64)
    #expect(run.errorBuffer == run.errorBuffer(of: run.tables[0]))
  }

  /// Tables come in the order of their names; their defaults are the keys of `replay` and
  /// `algorithm`.
  @Test func tablesAreRead() throws {
    let run = try load(
      three.replacing("experience:", with: "experience: {n_step: 7}"),
      ["replay.tables.unroll.period=10", "algorithm.discount=0.9"])
    #expect(run.tables.map(\.name) == ["experience", "steps", "unroll"])
    let (experience, steps, unroll) = (run.tables[0], run.tables[1], run.tables[2])
    #expect(run.learnersTable == experience)
    #expect(experience.nStep == 7 && experience.discount == 0.9 && experience.sampler == .uniform)
    #expect(experience.rateLimiter.samplesPerInsert == 8 && experience.rateLimiter.minSize == 1000)
    #expect(steps.kind == .record && steps.rateLimiter.samplesPerInsert == 0 && steps.batchMax == 1024)
    #expect(unroll.kind == .sequence && unroll.episodes == .pad && unroll.sampler == .fifo)
    #expect(unroll.length == 21 && unroll.period == 10 && unroll.maxTimesSampled == 1)
    #expect(run.itemsPerMessage(of: experience) == 512 + 16 * 7)
    #expect(run.itemsPerMessage(of: unroll) == 512 + 16)
  }

  /// A table without keys is a table, and everything reads back.
  @Test func tablesReadBack() throws {
    let run = try load(three.replacing("experience:", with: "experience: {}"))
    #expect(run.tables.count == 3)
    let again = try EffectiveConfiguration(text: run.yaml, file: "effective.yaml")
    #expect(again.run == run && again.run.yaml == run.yaml)
    #expect(run.yaml.contains("    unroll:\n      kind: sequence\n      length: 21\n"))
  }

  @Test func keysOfOtherKindsAreUnknown() {
    let found = problems("    experience: {length: 3}\n    steps: {kind: record, n_step: 2}\n")
    #expect(found.count == 2, "\(found)")
    #expect(found[0].contains("expected a known key, found 'replay.tables.experience.length'"), "\(found)")
    #expect(found[1].contains("expected a known key, found 'replay.tables.steps.n_step'"), "\(found)")
  }

  private func expect(
    _ text: String, _ tables: String, _ settings: [String] = [], _ location: SourceLocation = #_sourceLocation
  ) {
    let found = problems(tables, settings)
    #expect(found.contains { $0.contains(text) }, "\(found)", sourceLocation: location)
  }

  @Test func tablesThatCannotBe() {
    expect(
      "run.yaml:4:24: learner.table: expected a table of replay.tables of kind transition",
      "    experience: {kind: record}\n")
    expect("found none named 'experience'", "    steps: {kind: record}\n")
    #expect(problems("    steps: {kind: record}\n", ["learner.replicas=0"]).isEmpty)
    expect("expected a table's name of 1 to 64 lower-case letters", "    Steps: {kind: record}\n")
    expect(
      "replay.tables.s.rate_limiter.min_size: expected at most 5000",
      "    experience: {}\n    s: {kind: sequence, rate_limiter: {min_size: 5001}}\n")
    expect(
      "replay.tables.s.length: expected items of at most replay.capacity (2000) steps, found 3000",
      "    experience: {}\n    s: {kind: sequence, length: 3000}\n", ["replay.capacity=2000"])
    expect(
      "replay.tables.experience.batch_max: expected at least 64", "    experience: {batch_max: 63}\n")
    expect(
      "replay.tables.s.rate_limiter.error_buffer: expected 0 to have it computed, or at least 1056",
      "    experience: {}\n    s: {kind: record, rate_limiter: {samples_per_insert: 2, error_buffer: 1000}}\n"
    )
    expect(
      "replay.tables.s.max_times_sampled: expected at least rate_limiter.samples_per_insert (2)",
      "    experience: {}\n    s: {kind: record, max_times_sampled: 1, rate_limiter: {samples_per_insert: 2}}\n"
    )
    expect(
      "replay.tables.s.max_items", "    experience: {}\n    s: {max_items: 5, rate_limiter: {min_size: 6}}\n")
    expect("expected a section with keys of its own, found a list", "    - steps\n")
    expect(
      "expected at most 16 tables, found 17",
      (0..<16).map { "    t\($0): {kind: record}\n" }.joined() + "    experience: {}\n")
  }
}
