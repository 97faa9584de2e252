// What the replay benchmark sends.

internal import Configuration
internal import Experience

/// A kind of step, and how it is sent and stored.
enum BenchPayload: String, CaseIterable {
  /// 28 bytes of observation, an action, a reward: 36 bytes.
  case small = "36"
  case kilobyte = "1k"
  /// Four 84×84 frames in one observation.
  case large = "28k"
  /// Single 84×84 frames; the store makes stacks of 4.
  case atari
  /// The same bytes, but each step is an item by itself, as from a client that sends whole
  /// transitions. A batch has no second observation.
  case smallRecord = "36-record"
  case kilobyteRecord = "1k-record"
  case largeRecord = "28k-record"

  var schema: StepSchema {
    switch self {
    case .small, .smallRecord: .discrete(observation: [7])
    case .kilobyte, .kilobyteRecord: .discrete(observation: [1016], dtype: .uint8)
    case .large, .largeRecord: .discrete(observation: [4, 84, 84], dtype: .uint8)
    case .atari: .discrete(observation: [84, 84], dtype: .uint8, stack: 4)
    }
  }

  var isRecord: Bool {
    switch self {
    case .small, .kilobyte, .large, .atari: false
    case .smallRecord, .kilobyteRecord, .largeRecord: true
    }
  }

  /// Steps that an item needs after its first one.
  var nStep: Int { isRecord ? 0 : self == .atari ? 3 : 1 }

  /// The table that items are sampled from.
  var table: TableSchema { tables.last! }

  /// All tables of the service. The first must be of transitions, because a learner samples it;
  /// records go to a second table, and the first stays empty.
  var tables: [TableSchema] {
    let first = TableSchema(name: "experience", kind: .transition(nStep: max(1, nStep), discount: 0.99))
    return isRecord ? [first, TableSchema(name: "records", kind: .record)] : [first]
  }

  /// Environment variables that configure the service's tables.
  var settings: [String: String] {
    guard isRecord else { return [:] }
    return [
      "ROOKERY_REPLAY__TABLES__EXPERIENCE__KIND": "transition",
      "ROOKERY_REPLAY__TABLES__RECORDS__KIND": "record",
    ]
  }

  /// Bytes of fields that a batch needs for each of its items.
  var itemByteCount: Int {
    let stack = schema.fields.map(\.stack).max() ?? 1
    return (nStep + stack) * schema.stepByteCount
  }

  /// Steps in a message: of 36 bytes, 36 or 1.8 KB; of 1 KB, 51 KB; of 28 KB, 226 KB or 1.4 MB; of
  /// Atari frames, 452 KB.
  var messageSizes: [Int] {
    switch self {
    case .small, .smallRecord: [1000, 50]
    case .kilobyte, .kilobyteRecord: [50]
    case .large, .largeRecord: [8, 50]
    case .atari: [64]
    }
  }

  /// Steps in the ring: 64 to 700 MB, more than any cache.
  var capacity: Int {
    switch self {
    case .small, .smallRecord: 1_000_000
    case .kilobyte, .kilobyteRecord: 200_000
    case .large, .largeRecord: 20_000
    case .atari: 100_000
    }
  }

  /// Messages of this size that may be unacknowledged: about 400 KB of small ones, which stay in
  /// the caches, and enough large ones that neither side waits (measured).
  func inFlight(steps: Int) -> Int {
    switch self {
    case .small, .smallRecord: steps < 500 ? 256 : 8
    case .kilobyte, .kilobyteRecord: 32
    case .large, .atari, .largeRecord: 16
    }
  }
}
