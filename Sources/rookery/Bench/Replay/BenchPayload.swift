// What the replay benchmark sends.

internal import Configuration
internal import Experience

/// A kind of step, and how it is sent and kept.
enum BenchPayload: String, CaseIterable {
  /// 28 bytes of observation, an action, a reward: 36 bytes.
  case small = "36"
  case kilobyte = "1k"
  /// Four 84×84 frames in one observation.
  case large = "28k"
  /// Single 84×84 frames; the store makes stacks of 4.
  case atari

  var schema: StepSchema {
    switch self {
    case .small: .discrete(observation: [7])
    case .kilobyte: .discrete(observation: [1016], dtype: .uint8)
    case .large: .discrete(observation: [4, 84, 84], dtype: .uint8)
    case .atari: .discrete(observation: [84, 84], dtype: .uint8, stack: 4)
    }
  }

  var nStep: Int { self == .atari ? 3 : 1 }
  var table: TableSchema { TableSchema(name: "experience", kind: .transition(nStep: nStep, discount: 0.99)) }

  /// Steps of a message: 256 KB to 1 MB where steps are large enough.
  var messageSizes: [Int] {
    switch self {
    case .small: [1000, 50]
    case .kilobyte: [50]
    case .large: [8]
    case .atari: [64]
    }
  }

  /// Steps of the ring: 64 to 700 MB, beyond any cache.
  var capacity: Int {
    switch self {
    case .small: 1_000_000
    case .kilobyte: 200_000
    case .large: 20_000
    case .atari: 100_000
    }
  }

  /// Messages of so many steps that may be unacknowledged: some 400 KB of small ones, which stay in the caches, and enough large ones
  /// that neither side waits (measured).
  func inFlight(steps: Int) -> Int {
    switch self {
    case .small: steps < 500 ? 128 : 8
    case .kilobyte, .large, .atari: 16
    }
  }
}
