// Copies of a store, made and taken back while it works.

public import Experience
internal import Foundations
internal import Glibc

/// How far a snapshot or a restore has come.
public struct SnapshotProgress: Hashable, Sendable {
  public var bytesCopied: Int
  public var bytesTotal: Int
  public var isCopied: Bool
  /// The disk is behind: nothing goes on until it has written more.
  public var isWaiting: Bool

  public init(bytesCopied: Int = 0, bytesTotal: Int = 0, isCopied: Bool = false, isWaiting: Bool = false) {
    self.bytesCopied = bytesCopied
    self.bytesTotal = bytesTotal
    self.isCopied = isCopied
    self.isWaiting = isWaiting
  }
}

extension ReplayStore {
  /// Begins a consistent copy of this moment in a folder that is not there yet; `continueSnapshot` goes on with it. Copies all items
  /// at once, O(capacity). It tells the next incarnation of `writers`, so that what they send again is not taken twice. Throws
  /// `schemaMissing`, `storage` (then nothing is left of it), and `request` while another is being made.
  ///
  /// - Parameter followsDisk: copies no faster than the disk writes, as long as others have to be answered too.
  public func beginSnapshot(
    at path: String, writers: [KnownWriter] = [], followsDisk: Bool = true
  ) throws(ReplayStoreError) {
    guard snapshot == nil else { throw .request("snapshot: another one is being made") }
    do throws(ReplayStoreError) {
      snapshot = try Snapshot(path: path, store: self, writers: writers, followsDisk: followsDisk)
    } catch {
      Snapshot.remove(Snapshot.partial(path))
      throw error
    }
  }

  /// Copies about `bytes` more. Once it says that all is copied, `publishSnapshot` gives the folder its name.
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

  /// Gives up a snapshot that is not all copied; nothing is left of it.
  public func abandonSnapshot() {
    guard let path = snapshot?.path else { return }
    snapshot = nil
    Self.removeUnfinishedSnapshot(at: path)
  }

  /// Gives a copied snapshot its name, after bringing it to the disk, which takes as long as the disk does; without that it is there
  /// after any death of the process, but perhaps not whole after one of the machine. May be called on any thread; returns what went
  /// wrong, or nil.
  public static func publishSnapshot(at path: String, isBroughtToDisk: Bool = true) -> String? {
    Snapshot.publish(path, isBroughtToDisk: isBroughtToDisk)
  }

  /// Removes what is left of a snapshot whose process died before it was whole; false if there was none. Also what is left of one
  /// that was being removed.
  @discardableResult
  public static func removeUnfinishedSnapshot(at path: String) -> Bool {
    Snapshot.remove(Snapshot.removed(path))
    return Snapshot.remove(Snapshot.partial(path))
  }

  /// Removes a snapshot: at once it is none any more, whatever happens to its bytes. Returns what went wrong, or nil.
  public static func removeSnapshot(at path: String) -> String? {
    Snapshot.remove(Snapshot.removed(path))
    guard rename(path, Snapshot.removed(path)) == 0 else {
      return SystemCallError.last("rename", path).description
    }
    Snapshot.remove(Snapshot.removed(path))
    return nil
  }

  /// The steps that a snapshot is of. Throws `storage` if there is none, or it cannot be read.
  public static func schema(ofSnapshot path: String) throws(ReplayStoreError) -> StepSchema {
    guard let schema = try StoreFolder.schema(in: path) else {
      throw .storage("\(path): expected a snapshot, found none")
    }
    return schema
  }

  /// How a snapshot's store differs from one of this configuration and schema; nil if that can take it up. Throws `storage` as above.
  public static func difference(
    ofSnapshot path: String, from configuration: ReplayStoreConfiguration, schema: StepSchema
  ) throws(ReplayStoreError) -> String? {
    guard let found = try StoreIdentity.read("\(path)/identity") else {
      throw .storage("\(path): expected a snapshot, found none")
    }
    return found.difference(from: StoreIdentity(configuration: configuration, schema: schema))
  }

  /// Bytes that a snapshot of what is here would take on the disk: of steps, items, and the records of chunks.
  public var snapshotByteCount: Int {
    guard let ring else { return 0 }
    return ring.count * (ring.layout.stepByteCount + tables.count * MemoryLayout<ItemRecord>.stride)
      + ring.directory.count * MemoryLayout<ChunkRecord>.stride
  }

  /// Copies the live steps and items of a snapshot to where this store keeps them; `recover` then takes them over.
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
    // All arenas are open only now, and with them it is known which slots may be touched.
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
