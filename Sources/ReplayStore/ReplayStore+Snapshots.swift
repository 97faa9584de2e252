// Copies of a store, made and taken back while it works.

internal import Experience

/// How far a snapshot or a restore has come.
public struct CopyProgress: Hashable, Sendable {
  public var bytesCopied: Int
  public var bytesTotal: Int
  public var isCopied: Bool

  public init(bytesCopied: Int = 0, bytesTotal: Int = 0, isCopied: Bool = false) {
    self.bytesCopied = bytesCopied
    self.bytesTotal = bytesTotal
    self.isCopied = isCopied
  }
}

extension ReplayStore {
  /// Begins a consistent copy of this moment in a folder that is not there yet; `continueSnapshot` goes on with it. Copies all items
  /// at once, O(capacity). Throws `schemaMissing`, `storage`, and `request` while another is being made.
  public func beginSnapshot(at path: String) throws(ReplayStoreError) {
    guard snapshot == nil else { throw .request("snapshot: another one is being made") }
    snapshot = try Snapshot(path: path, store: self)
  }

  /// Copies about `bytes` more. Once it says that all is copied, `publishSnapshot` gives the folder its name.
  public func continueSnapshot(bytes: Int) -> CopyProgress? {
    guard let snapshot else { return nil }
    snapshot.copy(bytes: bytes)
    if snapshot.isCopied {
      snapshot.seal()
      self.snapshot = nil
    }
    return CopyProgress(
      bytesCopied: snapshot.bytesCopied, bytesTotal: snapshot.bytesTotal, isCopied: snapshot.isCopied)
  }

  /// Brings a copied snapshot to the disk, which takes as long as the disk does, and gives it its name. May be called on any thread;
  /// returns what went wrong, or nil.
  public static func publishSnapshot(at path: String) -> String? { Snapshot.publish(path) }
}
