// Where a store keeps its steps.

/// What holds the steps and items of a store.
public enum StorageKind: Hashable, Sendable {
  /// The process's memory: acknowledged steps are lost when the process ends.
  case memory
  /// Mapped files in a folder: acknowledged steps survive the process's end, however it ends. May
  /// be larger than memory.
  case file(path: String)
}

extension StorageKind: CustomStringConvertible {
  public var description: String {
    switch self {
    case .memory: "memory"
    case .file(let path): "file \(path)"
    }
  }
}
