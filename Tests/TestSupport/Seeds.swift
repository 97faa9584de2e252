// The seeds of a randomised test.

internal import Foundation

/// The seeds of a seeded test. `ROOKERY_SIMULATION_SEED=n` replays one of them;
/// `ROOKERY_SEEDS_FACTOR=k` runs k times as many in the long lane, or a part of them in a slow one,
/// but at least five.
public enum Seeds {
  /// 1…count, or what the environment asks for.
  public static func list(count: Int) -> [UInt64] {
    let environment = ProcessInfo.processInfo.environment
    if let one = environment["ROOKERY_SIMULATION_SEED"].flatMap({ UInt64($0) }) { return [one] }
    let factor = environment["ROOKERY_SEEDS_FACTOR"].flatMap { Double($0) } ?? 1
    return (0..<max(min(count, 5), Int(Double(count) * factor))).map { UInt64($0) + 1 }
  }

  /// The text beside a failure.
  public static func replay(_ seed: UInt64) -> String { "replay it with ROOKERY_SIMULATION_SEED=\(seed)" }
}
