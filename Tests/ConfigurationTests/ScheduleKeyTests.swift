// Keys whose value is a number or a schedule.

import Configuration
import Foundations
import Testing

@Suite struct ScheduleKeyTests {
  private static let linear = "{schedule: linear, from: 0.0005, to: 0.0001, over: 100_000, by: updates}"

  @Test func aNumberIsAConstant() throws {
    #expect(try load("algorithm: {learning_rate: 0.0005}").run.algorithm.learningRate == 0.0005)
    #expect(try load("actor: {epsilon: {base: 1}}").run.actor.epsilon.base == .constant(1))
    let constant = try load("algorithm: {learning_rate: {schedule: constant, from: 0.25}}").run
    #expect(constant.algorithm.learningRate == 0.25 && constant.yaml.contains("  learning_rate: 0.25\n"))
  }

  @Test func aSectionIsASchedule() throws {
    let effective = try load("algorithm:\n  learning_rate: \(Self.linear)\n")
    #expect(
      effective.run.algorithm.learningRate == Schedule(.linear, from: 0.0005, to: 0.0001, over: 100_000))
    #expect(effective.show.contains("\nalgorithm.learning_rate.over: 100000 "))
    #expect(try load(effective.run.yaml).run == effective.run)
    let epsilon = try load("actor: {epsilon: {base: {schedule: cosine, to: 0, over: 2e5, by: env_steps}}}")
    #expect(
      epsilon.run.actor.epsilon.base == Schedule(.cosine, from: 0.4, to: 0, over: 2e5, by: .envSteps),
      "'from' has the key's default")
    #expect(try load(epsilon.run.yaml).run == epsilon.run)
  }

  @Test func theLatestLayerHasTheForm() throws {
    let file = "algorithm: {learning_rate: \(Self.linear)}"
    func rate(_ text: String, _ variables: [String: String] = [:], _ settings: [String] = []) throws
      -> Schedule
    {
      try load(text, variables, settings).run.algorithm.learningRate
    }
    #expect(try rate(file, [:], ["algorithm.learning_rate=0.5"]) == 0.5)
    #expect(try rate(file, ["ROOKERY_ALGORITHM__LEARNING_RATE": "0.5"]) == 0.5)
    #expect(try rate(file, [:], ["algorithm.learning_rate.to=0.0002"]).to == 0.0002)
    let parts = ["schedule=cosine", "to=0.25", "over=10"].map { "algorithm.learning_rate.\($0)" }
    #expect(
      try rate("algorithm: {learning_rate: 0.5}", [:], parts)
        == Schedule(.cosine, from: 0.001, to: 0.25, over: 10))
    let variables = try EffectiveConfiguration.variables(for: ["algorithm.learning_rate.to=0.0002"])
    #expect(variables == ["ROOKERY_ALGORITHM__LEARNING_RATE__TO": "0.0002"])
    #expect(try rate(file, variables).to == 0.0002)
  }

  @Test(arguments: [
    ("0", "algorithm.learning_rate: expected a number above 0, up to 10, or a schedule, found 0"),
    ("fast", "algorithm.learning_rate: expected a number above 0, up to 10, or a schedule, found fast"),
    (
      "{schedule: liner, to: 0.1, over: 5}",
      "expected one of constant, linear, cosine, found liner; did you mean 'linear'?"
    ),
    ("{schedule: linear, to: 0, over: 5}", "algorithm.learning_rate.to: expected a number above 0, up to 10"),
    ("{schedule: linear, to: 0.1, over: 0}", "algorithm.learning_rate.over: expected a number above 0"),
    ("{schedule: linear, to: 0.1, over: 5, by: steps}", "expected one of updates, env_steps, found steps"),
    (
      "{schedule: linear, over: 5}",
      "expected 'to' and 'over' beside 'schedule', found no 'to'; write for example"
    ),
    ("{schedule: linear, to: 0.1}", "expected 'to' and 'over' beside 'schedule', found no 'over'"),
    (
      "{from: 0.1, to: 0.2, over: 5}",
      "expected schedule: linear or cosine with 'to', 'over' and 'by', found no schedule"
    ),
    ("{schedule: constant, from: 0.1, to: 0.2}", "found 'to', 'over' or 'by' too"),
    ("{}", "expected a number above 0, up to 10, or a schedule"),
  ])
  func wrongValuesAreRefusedWithTheirPlace(value: String, expected: String) {
    let found = problems("seed: 1\nalgorithm: {learning_rate: \(value)}")
    #expect(
      found.count == 1 && found[0].hasPrefix("my run.yaml:2:") && found[0].contains(expected), "\(found)")
  }

  @Test func anUnknownPartIsRefusedWithASuggestion() {
    let found = problems("algorithm: {learning_rate: {schedule: linear, to: 0.1, ovr: 5, over: 5}}")
    #expect(
      found.count == 1
        && found[0].contains(
          "found 'algorithm.learning_rate.ovr'; did you mean 'algorithm.learning_rate.over'?"),
      "\(found)")
  }

  @Test func bothFormsInOneLayerAreRefused() {
    let found = problems("algorithm: {learning_rate: 0.1}\n'algorithm.learning_rate.to': 0.2\n")
    #expect(
      found == [
        "my run.yaml:1:28: algorithm.learning_rate: expected a number or a schedule, found both; remove one"
      ],
      "\(found)")
  }
}
