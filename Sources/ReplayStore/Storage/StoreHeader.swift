// The header of a store's folder: what is committed.

internal import CKernels
internal import Experience

/// The page that says which bytes of the other files are valid. Little-endian, written by one
/// process, in memory order.
///
///       0  magic           u64   "ROOKERYR"
///       8  generation      u64   commits so far; commit slot = generation mod 2
///      16  front           u64   number of the oldest chunk
///      24  directory bits  u64   the chunk file in use has 2^bits entries
///      32  commit slots    2 × { head, end, writer, sequence: u64 }
///      96  next writer     u64   lower handles have been used
///     104  boot id         16 B  of the machine's start that last wrote
///     120  end             u64   a hash of the generation after a clean end;
///                                0 while a process uses the folder
///     128  writers         u64   records of the file `writers` that have been used
///     136  undo            u64   1 once there is a file `undo`
///     256  tables          64 × { inserts u64, samples u64, largest priority f32,
///                                 pad, carried f64 }
struct StoreHeader {
  let base: UnsafeMutableRawPointer

  static let byteCount = 4096
  static let tablesAt = 256
  static let tablesMax = 64
  private static let magic: UInt64 = 0x5259_5245_4B4F_4F52

  struct Commit {
    /// Position that the next step will have.
    var head: UInt64 = 0
    /// Number that the next chunk will have.
    var end: UInt64 = 0
    /// Handle and sequence of the message.
    var writer: UInt64 = 0
    var sequence: UInt64 = 0
  }

  private func word(_ offset: Int) -> UnsafeMutablePointer<UInt64> {
    (base + offset).assumingMemoryBound(to: UInt64.self)
  }

  var isNew: Bool { word(0).pointee == 0 }
  var isOurs: Bool { word(0).pointee == Self.magic }
  func mark() { rookery_store_release(word(0), Self.magic) }

  var generation: UInt64 { rookery_load_acquire(word(8)) }
  var committed: Commit { slot(generation).pointee }

  /// Positions, numbers and sequences count up from 0 and cannot reach this; a larger one is
  /// damage.
  static let numberMax: UInt64 = 1 << 62

  /// Whether its numbers can be those of a store.
  var isPlausible: Bool {
    let commit = committed
    return max(commit.head, commit.end, commit.writer, commit.sequence, nextWriter) <= Self.numberMax
      && (ChunkLog.bitsMin...40).contains(directoryBits)
  }

  private func slot(_ generation: UInt64) -> UnsafeMutablePointer<Commit> {
    (base + 32 + Int(generation & 1) * 32).assumingMemoryBound(to: Commit.self)
  }

  /// Commits everything that was written before, all or nothing.
  func commit(_ commit: Commit) {
    let next = generation &+ 1
    slot(next).pointee = commit
    rookery_store_release(word(8), next)
  }

  /// The oldest chunk that is live. Older ones may be overwritten after this.
  var front: UInt64 {
    get { rookery_load_acquire(word(16)) }
    nonmutating set {
      rookery_store_release(word(16), newValue)
      rookery_store_fence()
    }
  }

  var directoryBits: Int {
    get { Int(truncatingIfNeeded: rookery_load_acquire(word(24))) }
    nonmutating set { rookery_store_release(word(24), UInt64(newValue)) }
  }

  var nextWriter: UInt64 {
    get { word(96).pointee }
    nonmutating set { word(96).pointee = newValue }
  }

  var bootID: (UInt64, UInt64) {
    get { (word(104).pointee, word(112).pointee) }
    nonmutating set {
      word(104).pointee = newValue.0
      word(112).pointee = newValue.1
    }
  }

  /// Whether the process before ended cleanly, with everything in its files whole.
  var isEnded: Bool { word(120).pointee == endMark }
  private var endMark: UInt64 { (generation &+ 1) &* 0x9E37_79B9_7F4A_7C15 | 1 }

  /// Marks a clean end, after everything else; or, before anything else, that a process uses the
  /// folder.
  func mark(ended: Bool) {
    rookery_store_release(word(120), ended ? endMark : 0)
    rookery_store_fence()
  }

  var writersUsed: UInt64 {
    get { word(128).pointee }
    nonmutating set { word(128).pointee = newValue }
  }

  var hasUndo: Bool {
    get { word(136).pointee == 1 }
    nonmutating set { word(136).pointee = newValue ? 1 : 0 }
  }

  /// What a table must remember beside its items.
  struct TableMark {
    var inserts: UInt64
    var samples: UInt64
    var priorityMax: Float
    var unused: UInt32 = 0
    var carried: Double
  }

  func table(_ index: Int) -> UnsafeMutablePointer<TableMark> {
    precondition((0..<Self.tablesMax).contains(index))
    return (base + Self.tablesAt + index * 32).assumingMemoryBound(to: TableMark.self)
  }
}
