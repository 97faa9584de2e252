// Where the replay benchmark stores its steps.

internal import Experience

/// A value of `--storage`.
enum BenchStorage: String, CaseIterable, Encodable {
  case memory
  case file
  /// Files, with memory for a fifth of the ring; needs root.
  case disk

  /// The payloads that it is measured with. A disk reads pages, so small steps say nothing about
  /// it.
  var payloads: [BenchPayload] {
    switch self {
    case .memory, .file: BenchPayload.allCases
    case .disk: BenchPayload.allCases.filter { $0.schema.stepByteCount >= 4096 }
    }
  }
}
