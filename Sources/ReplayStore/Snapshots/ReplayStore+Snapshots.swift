// Makes and removes snapshots of a store while it works.

public import Experience
internal import Foundations
internal import Glibc

/// The progress of a snapshot or a restore.
public struct SnapshotProgress: Hashable, Sendable {
  /// Bytes of steps that are done.
  public var bytesCopied: Int
  /// Bytes of steps in all.
  public var bytesTotal: Int
  /// Whether everything is copied; of a snapshot also whether the disk has caught up.
  public var isCopied: Bool
  /// Whether the disk is behind: nothing is copied until it has written more.
  public var isWaiting: Bool

  public init(bytesCopied: Int = 0, bytesTotal: Int = 0, isCopied: Bool = false, isWaiting: Bool = false) {
    self.bytesCopied = bytesCopied
    self.bytesTotal = bytesTotal
    self.isCopied = isCopied
    self.isWaiting = isWaiting
  }
}

extension ReplayStore {
  /// Begins a snapshot of this moment in a folder that does not exist yet; `continueSnapshot` goes
  /// on with it. Copies all items at once, O(capacity).
  ///
  /// `writers` are recorded, so that a store that resumes from the snapshot does not insert their
  /// resent messages twice. `isPaced` makes copying no faster than the disk writes, for a store
  /// that serves clients meanwhile.
  ///
  /// Throws `schemaMissing`, `request` while another snapshot is being made, or `storage` after it
  /// has removed what it began.
  public func beginSnapshot(
    at path: String, writers: [KnownWriter] = [], isPaced: Bool = true
  ) throws(ReplayStoreError) {
    guard snapshot == nil else {
      throw .request("snapshot: another one is being made; wait until it is done")
    }
    do throws(ReplayStoreError) {
      snapshot = try Snapshot(path: path, store: self, writers: writers, isPaced: isPaced)
    } catch {
      Snapshot.remove(Snapshot.partial(path))
      throw error
    }
  }

  /// Copies about `bytes` more; nil if no snapshot is being made. Once all is copied,
  /// `publishSnapshot` gives the folder its name.
  public func continueSnapshot(bytes: Int) -> SnapshotProgress? {
    guard let snapshot else { return nil }
    snapshot.copy(bytes: bytes)
    let progress = SnapshotProgress(
      bytesCopied: snapshot.bytesCopied, bytesTotal: snapshot.bytesTotal, isCopied: snapshot.isCopied,
      isWaiting: snapshot.isWaiting)
    if progress.isCopied {
      snapshot.seal()
      self.snapshot = nil
    }
    return progress
  }

  /// Abandons an incomplete snapshot and removes its files.
  public func abandonSnapshot() {
    guard let path = snapshot?.path else { return }
    snapshot = nil
    Self.removeUnfinishedSnapshot(at: path)
  }

  /// Gives a copied snapshot its name; returns what went wrong, or nil. May be called on any
  /// thread. If `syncsToDisk`, it first syncs the files, which takes as long as the disk does.
  /// Without that, the snapshot survives the process's end, but a crash of the machine may damage
  /// it.
  public static func publishSnapshot(at path: String, syncsToDisk: Bool = true) -> String? {
    Snapshot.publish(path, syncsToDisk: syncsToDisk)
  }

  /// Removes the files of a snapshot that was incomplete when its process died, and those of one
  /// that was being removed. Returns false if there was no incomplete one.
  @discardableResult
  public static func removeUnfinishedSnapshot(at path: String) -> Bool {
    Snapshot.remove(Snapshot.removed(path))
    return Snapshot.remove(Snapshot.partial(path))
  }

  /// Removes a snapshot; returns what went wrong, or nil. A rename comes first, so that a
  /// half-removed folder never looks like a snapshot.
  public static func removeSnapshot(at path: String) -> String? {
    Snapshot.remove(Snapshot.removed(path))
    guard rename(path, Snapshot.removed(path)) == 0 else {
      return SystemCallError.last("rename", path).description
    }
    Snapshot.remove(Snapshot.removed(path))
    return nil
  }

  /// The schema of a snapshot's steps. Throws `storage` if there is no snapshot, or it cannot be
  /// read.
  public static func schema(ofSnapshot path: String) throws(ReplayStoreError) -> StepSchema {
    guard let schema = try StoreFolder.schema(in: path) else {
      throw .storage("\(path): expected a snapshot, found none")
    }
    return schema
  }

  /// How a snapshot's store differs from one of this configuration and schema; nil if that can
  /// resume from it. Throws `storage` if there is no snapshot, or it cannot be read.
  public static func difference(
    ofSnapshot path: String, from configuration: ReplayStoreConfiguration, schema: StepSchema
  ) throws(ReplayStoreError) -> String? {
    guard let found = try StoreIdentity.read("\(path)/identity") else {
      throw .storage("\(path): expected a snapshot, found none")
    }
    return found.difference(from: StoreIdentity(configuration: configuration, schema: schema))
  }

  /// Bytes of disk that a snapshot would need now: steps, items and chunk records.
  public var snapshotByteCount: Int {
    guard let ring else { return 0 }
    return ring.count * (ring.layout.stepByteCount + tables.count * MemoryLayout<ItemRecord>.stride)
      + ring.directory.count * MemoryLayout<ChunkRecord>.stride
  }

  /// Copies the live steps and items of a snapshot into this store's memory; `recover` then adopts
  /// them.
  func copy(_ snapshot: StoreFolder, to ring: StepRing, _ tables: [Table]) throws(ReplayStoreError) {
    var arenas: [(from: Arena, to: UnsafeMutableRawPointer, stride: Int)] = []
    arenas.append(
      (try snapshot.arena("rows", stride: ring.layout.rowStride), ring.rows, ring.layout.rowStride))
    for (index, bytes) in ring.layout.largeByteCounts.enumerated() {
      arenas.append((try snapshot.arena("field-\(index)", stride: bytes), ring.largeArenas[index], bytes))
    }
    let stride = MemoryLayout<ItemRecord>.stride
    for (index, table) in tables.enumerated() {
      arenas.append(
        (try snapshot.arena("items-\(index)", stride: stride), UnsafeMutableRawPointer(table.records), stride)
      )
    }
    // Which slots may be touched is known only now that all arenas are open.
    let commit = snapshot.header.committed
    var ignored = RecoverySummary()
    let front = firstUsable(snapshot, commit, &ignored)
    guard front < commit.end else { return }
    let first = snapshot.chunks[front].position
    let count = Int(commit.head - first)
    let slot = Int(first % UInt64(configuration.capacity))
    let untilEnd = min(count, configuration.capacity - slot)
    for (from, to, stride) in arenas {
      (to + slot * stride).copyMemory(from: from.base + slot * stride, byteCount: untilEnd * stride)
      to.copyMemory(from: from.base, byteCount: (count - untilEnd) * stride)
    }
  }
}
