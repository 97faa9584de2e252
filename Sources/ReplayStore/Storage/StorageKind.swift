// Where steps are kept.

/// What holds the steps of a store.
public enum StorageKind: Hashable, Sendable {
  /// The process's own memory: nothing acknowledged is lost while it lives.
  case memory
}

extension StorageKind {
  /// Zeroed room for one array of the step ring.
  func arena(byteCount: Int) throws(ReplayStoreError) -> Arena {
    switch self {
    case .memory: try Arena(byteCount: byteCount)
    }
  }
}
