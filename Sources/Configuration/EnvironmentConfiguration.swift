// The environment that actors step.

public import Experience

/// `environment`: the environment of actors and evaluator.
public struct EnvironmentConfiguration: Hashable, Sendable {
  /// The implementation of the environment.
  public enum Backend: String, CaseIterable, Sendable {
    /// Native if the id is built in and there are no arguments, else Gymnasium.
    case auto
    case native
    case gymnasium
  }

  /// The environment's id, as Gymnasium names it; `module:Env-v0` imports the module first.
  public var id = "CartPole-v1"
  /// The implementation of the environment.
  public var backend = Backend.auto
  /// Keyword arguments for `gymnasium.make`.
  public var arguments: [EnvironmentArgument] = []
  /// The interpreter; empty: `.venv/bin/python` of the working folder if it exists, else `python3`.
  public var python = ""
  /// Python worker processes of one actor.
  public var workers = 1
  /// A worker that takes longer for a step counts as hung.
  public var timeoutSeconds = 30.0
  /// Time added to each step, to imitate a slow simulator.
  public var stepDelayMilliseconds = 0.0
  /// Consecutive observations of the episode that the network gets as one input.
  public var frameStack = 1
  /// Shape of an observation; empty: the environment is asked.
  public var observationShape: [Int] = []
  /// float32, or uint8 for image planes.
  public var observationType = DType.float32
  /// Number of actions; 0: the environment is asked.
  public var actions = 0

  public init() {}
}

/// One keyword argument of the environment.
public struct EnvironmentArgument: Hashable, Sendable {
  /// A dot in it leads into a mapping.
  public var name: String
  /// JSON, which is YAML too.
  public var value: String

  public init(name: String, value: String) {
    self.name = name
    self.value = value
  }
}

extension EnvironmentConfiguration {
  var conflicts: [ConfigurationConflict] {
    guard backend == .native, let first = arguments.first else { return [] }
    return [
      ConfigurationConflict(
        keys: ["environment.arguments.\(first.name)", "environment.backend"],
        expected: "no arguments with environment.backend: native, whose environments take none",
        found: "'\(first.name)'", advice: "remove it, or set environment.backend: gymnasium")
    ]
  }

  mutating func read(_ reader: inout ConfigurationReader) {
    reader.string("id", &id, expected: "an environment's id") { !$0.isEmpty && $0.count <= 200 }
    reader.choice("backend", &backend)
    reader.arguments("arguments", &arguments)
    reader.string("python", &python, expected: "an interpreter's path or name") { $0.count <= 4096 }
    reader.integer("workers", &workers, 1...256)
    reader.double("timeout_s", &timeoutSeconds, .from(0.1, to: 86_400))
    reader.double("step_delay_ms", &stepDelayMilliseconds, .from(0, to: 60_000))
    reader.integer("frame_stack", &frameStack, 1...64)
    reader.section("observation") { reader in
      reader.list("shape", &observationShape, count: 0...8, 1...1_000_000)
      reader.choice("type", &observationType, among: [.float32, .uint8], named: \.name)
    }
    reader.integer("actions", &actions, 0...65_536)
  }
}
