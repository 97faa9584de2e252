// The records of chunks on disk.

internal import Foundations
internal import Glibc

/// A committed chunk, 64 bytes.
struct ChunkRecord {
  /// Position of the chunk's first step.
  var position: UInt64
  /// Index of its first step in its stream.
  var firstIndex: UInt64
  var weightsVersion: UInt64
  /// The store's number of its writer.
  var writer: UInt64
  /// Checksum of the steps' bytes as the store's files hold them.
  var stepsChecksum: UInt64
  /// Sequence of the message that the chunk came in.
  var sequence: UInt64
  /// The writer's number of the stream.
  var stream: UInt32
  /// Steps in the chunk.
  var count: UInt32
  var flags: UInt32
  /// Checksum of the record's bytes before this field, to detect a torn record.
  var recordChecksum: UInt32 = 0

  static let isCut: UInt32 = 1

  /// The value that `recordChecksum` should have.
  var expectedRecordChecksum: UInt32 {
    withUnsafeBytes(of: self) {
      UInt32(truncatingIfNeeded: Checksum.of(UnsafeRawBufferPointer(rebasing: $0[..<60])))
    }
  }
}

/// A ring of chunk records: record n is at n mod 2^bits of the file `chunks-<bits>`. When more
/// chunks are live, all records are copied to a file of at least twice the size, which replaces it.
final class ChunkLog {
  private let folder: String
  /// log₂ of the records that the file has room for.
  private(set) var bits: Int
  private var arena: Arena
  private var records: UnsafeMutablePointer<ChunkRecord>

  static let bitsMin = 10

  init(folder: String, bits: Int) throws(ReplayStoreError) {
    self.folder = folder
    self.bits = bits
    arena = try Self.open(folder, bits)
    records = arena.bound(to: ChunkRecord.self)
  }

  private static func path(_ folder: String, _ bits: Int) -> String { "\(folder)/chunks-\(bits)" }

  /// Whether a folder has the file of 2^bits entries.
  static func exists(in folder: String, bits: Int) -> Bool { access(path(folder, bits), F_OK) == 0 }

  private static func open(_ folder: String, _ bits: Int) throws(ReplayStoreError) -> Arena {
    Arena(
      file: try MappedFile(
        path: path(folder, bits), byteCountMax: MemoryLayout<ChunkRecord>.stride << bits))
  }

  subscript(number: UInt64) -> ChunkRecord {
    get { records[Int(truncatingIfNeeded: number & (1 << UInt64(bits) - 1))] }
    set { records[Int(truncatingIfNeeded: number & (1 << UInt64(bits) - 1))] = newValue }
  }

  /// The file's length when it was opened.
  var lengthWhenOpened: Int { arena.lengthWhenOpened }

  /// Whether record `number` is backed by reserved disk space; accessing another one may be fatal.
  func isReserved(_ number: UInt64) -> Bool {
    let index = Int(truncatingIfNeeded: number & (1 << UInt64(bits) - 1))
    return (index + 1) * MemoryLayout<ChunkRecord>.stride <= arena.reserved
  }

  /// Reserves space for `more` records after those of chunks `front..<end`. Returns true if it
  /// moved the records to a larger file; the caller then stores `bits` in the store's header.
  func reserve(front: UInt64, end: UInt64, more: Int) throws(ReplayStoreError) -> Bool {
    let live = Int(end - front) + more
    let hasGrown = live > 1 << bits
    if hasGrown { try grow(front: front, end: end, live: live) }
    let first = Int(truncatingIfNeeded: end & (1 << UInt64(bits) - 1))
    let last = min(first + more, 1 << bits)
    try arena.reserve(last * MemoryLayout<ChunkRecord>.stride)
    return hasGrown
  }

  private func grow(front: UInt64, end: UInt64, live: Int) throws(ReplayStoreError) {
    var larger = bits
    while live > 1 << larger { larger += 1 }
    let moved = try Self.open(folder, larger)
    try moved.reserve(MemoryLayout<ChunkRecord>.stride << larger)
    let target = moved.bound(to: ChunkRecord.self)
    for number in front..<end {
      target[Int(truncatingIfNeeded: number & (1 << UInt64(larger) - 1))] = self[number]
    }
    arena = moved
    records = target
    bits = larger
  }

  /// Removes the files of other sizes.
  func removeOthers() {
    for name in DirectoryNames.of(folder) where name.hasPrefix("chunks-") && name != "chunks-\(bits)" {
      unlink("\(folder)/\(name)")
    }
  }
}
