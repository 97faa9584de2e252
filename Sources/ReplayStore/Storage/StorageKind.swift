// Where steps are kept.

/// What holds the steps and items of a store.
public enum StorageKind: Hashable, Sendable {
  /// The process's own memory: nothing acknowledged is lost while it lives.
  case memory
  /// Files in a folder, mapped: nothing acknowledged is lost when the process dies. May be larger than memory.
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
