// The seeds of a randomised test.

internal import Foundation

/// The seeds of a seeded test. `ROOKERY_SIMULATION_SEED=n` replays one of them;
/// `ROOKERY_SIMULATION_SEEDS=count` runs more of them in the long lane.
public enum Seeds {
  /// 1…count, or what the environment asks for.
  public static func list(count: Int) -> [UInt64] {
    let environment = ProcessInfo.processInfo.environment
    if let one = environment["ROOKERY_SIMULATION_SEED"].flatMap({ UInt64($0) }) { return [one] }
    let asked = environment["ROOKERY_SIMULATION_SEEDS"].flatMap { Int($0) } ?? count
    return (0..<max(1, asked)).map { UInt64($0) + 1 }
  }

  /// The text beside a failure.
  public static func replay(_ seed: UInt64) -> String { "replay it with ROOKERY_SIMULATION_SEED=\(seed)" }
}
