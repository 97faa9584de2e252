// Where the replay benchmark's steps are kept.

internal import Experience

/// `--storage`.
enum BenchStorage: String, CaseIterable, Encodable {
  case memory
  case file
  /// Files of which a fifth fits in the memory that the service may have; needs root.
  case disk

  /// What it can be measured with: pages are what a disk reads, so small steps say nothing about it.
  var payloads: [BenchPayload] {
    switch self {
    case .memory, .file: BenchPayload.allCases
    case .disk: BenchPayload.allCases.filter { $0.schema.stepByteCount >= 4096 }
    }
  }
}
