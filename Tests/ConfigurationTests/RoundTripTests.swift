// The effective configuration as text, the shipped files, and the page that documents the keys.

import Configuration
import Foundations
import Experience
import Glibc
import Testing

@Suite struct RoundTripTests {
  private static let root = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()

  private func text(of path: String) throws -> String {
    let file = try #require(fopen("\(Self.root)/\(path)", "r"))
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    return String(decoding: bytes[..<fread(&bytes, 1, bytes.count, file)], as: UTF8.self)
  }

  @Test func everyKeyReadsBack() throws {
    var run = RunConfiguration()
    run.name = "0x-7.5"
    run.seed = .max
    run.environment.id = "ALE/\"Pong\"-v5 \\ \u{7} ü 🐦 # no: comment"
    run.environment.backend = .gymnasium
    run.environment.arguments = [
      EnvironmentArgument(name: "gravity", value: "-5.5"),
      EnvironmentArgument(name: "map_name", value: "\"8x8 \\\"é\\\" 🐦\\u0007\""),
      EnvironmentArgument(name: "options.list", value: "[1, null, \"a\"]"),
      EnvironmentArgument(name: "wind", value: "true"),
    ]
    run.environment.observationShape = [3, 84, 84]
    run.environment.observationType = .uint8
    run.environment.actions = 6
    run.algorithm.hidden = []
    run.algorithm.network = .nature
    run.algorithm.dueling = false
    run.algorithm.learningRate = .constant(1.0 / 3)
    run.actor.epsilon.base = Schedule(.cosine, from: 1, to: 1.0 / 30, over: 5e4, by: .envSteps)
    run.algorithm.optimizer.epsilon = 1e-7
    run.algorithm.target.kind = .polyak
    run.aggregation.kind = .gradients
    run.aggregation.mode = .synchronous
    run.aggregation.late = .drop
    run.aggregation.quorum = .share(0.75)
    run.algorithm.optimizer.kind = .rmsprop
    run.actor.whenBlocked = .dropOldest
    run.replay.sampler = .fifo
    run.evaluator.threshold = -110.5
    run.evaluator.enabled = false
    run.recorder.out = "a recording.rookery"
    run.recorder.actors = ["actor-1", "2"]
    run.recorder.share = 0.25
    run.player.speed = .times(0.5)
    run.player.from_s = 1.5
    run.stop.envSteps = .max
    let again = try EffectiveConfiguration(text: run.yaml, file: "effective.yaml")
    #expect(again.run == run)
    #expect(again.run.yaml == run.yaml)
    #expect(again.entries.allSatisfy { $0.source != .standard })
  }

  @Test(arguments: [
    "true", "null", "12", "1e5", "yes", " x", "a: b", "- a", "~", "a\nb", "\u{FEFF}", "*a",
  ])
  func awkwardNamesReadBack(id: String) throws {
    var run = RunConfiguration()
    run.environment.id = id
    #expect(try EffectiveConfiguration(text: run.yaml, file: "f.yaml").run.environment.id == id)
  }

  @Test(arguments: [
    ("cartpole", "CartPole-v1", 475.0, 450.0), ("acrobot", "Acrobot-v1", -100, -105),
    ("cartpole-pools", "CartPole-v1", 475, 450), ("cartpole-actor-critic", "CartPole-v1", 475, 450),
    ("cartpole-a3c", "CartPole-v1", 475, 450), ("cartpole-policy-gradient", "CartPole-v1", 475, 450),
    ("mountaincar", "MountainCar-v0", -110, -115),
    ("lunarlander", "LunarLander-v3", 200, 180),
  ])
  func shippedFilesAreRight(name: String, id: String, threshold: Double, confirm: Double) throws {
    let run = try EffectiveConfiguration(file: "\(Self.root)/config/\(name).yaml").run
    #expect(run.name == name)
    #expect(run.environment.id == id)
    #expect(run.evaluator.threshold == threshold)
    #expect(run.evaluator.confirmThreshold == confirm)
  }

  @Test func everyKeyIsDocumentedWithItsDefault() throws {
    let page = try text(of: "docs/CONFIGURATION.md")
    let rows = page.split(separator: "\n").filter { $0.hasPrefix("| `") }
    let runs = AlgorithmConfiguration.Name.allCases.map { name in
      var run = RunConfiguration()
      run.algorithm.name = name
      return run
    }
    let entries = RunConfiguration().entries + runs.flatMap(\.entries).filter { $0.key != "algorithm.name" }
    for entry in entries where entry.key != "name" {
      #expect(
        rows.contains { $0.hasPrefix("| `\(entry.key)` | `\(entry.value)` | ") },
        "\(entry.key): \(entry.value)")
    }
    let keys = Set(entries.map(\.key))
    for row in rows where !row.contains("ROOKERY_") {
      let key = row.split(separator: "`")[1]
      #expect(keys.contains(String(key)), "\(key) is documented but unknown")
    }
  }
}
