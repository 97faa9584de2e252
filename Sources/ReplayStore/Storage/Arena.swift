// Memory that is unmapped with its owner.

internal import Glibc

/// Zeroed bytes of the process or of a file, unmapped on `deinit`.
///
/// All bytes of an anonymous arena may be touched; a page costs nothing until then. Of a file's
/// arena only reserved bytes may be touched: the address space is mapped, but the disk may have no
/// room.
final class Arena {
  let base: UnsafeMutableRawPointer
  let byteCount: Int
  private let file: MappedFile?

  /// Arenas from this size on ask for huge pages, which save address translations in random access.
  private static let hugePagesFrom = 4 << 20

  init(byteCount: Int) throws(ReplayStoreError) {
    let length = max(byteCount, 1)
    let pointer = mmap(nil, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let pointer, pointer != MAP_FAILED else {
      throw .storage("expected \(length) bytes of memory, the system refused them (errno \(errno))")
    }
    if length >= Self.hugePagesFrom { madvise(pointer, length, MADV_HUGEPAGE) }
    base = pointer
    self.byteCount = length
    file = nil
  }

  /// The bytes of a file, which may be shorter still.
  init(file: MappedFile) {
    base = file.base
    byteCount = file.byteCountMax
    self.file = file
  }

  deinit { if file == nil { munmap(base, byteCount) } }

  /// Ensures that the first `bytes` may be touched. Throws `storage` if the disk is full. Always
  /// succeeds for memory.
  func reserve(_ bytes: Int) throws(ReplayStoreError) {
    if let file, bytes > file.reserved { try file.reserve(bytes) }
  }

  /// Writes bytes: past the mapping of a file that may not fit in memory, else to memory. The
  /// `free` bytes behind may be overwritten.
  func write(_ source: UnsafeRawPointer, at offset: Int, count: Int, free: Int) {
    assert(offset >= 0 && count >= 0 && offset + count <= reserved, "bytes that may not be touched")
    if let file, file.isWrittenThrough {
      file.write(source, at: offset, count: count, free: min(free, byteCount - offset - count))
    } else {
      (base + offset).copyMemory(from: source, byteCount: count)
    }
  }

  /// Whether the disk is so far behind that a write may have to wait.
  var isBehind: Bool { file?.behind?.isFull ?? false }
  /// Whether no bytes are on their way to the disk.
  var isIdle: Bool { file?.behind?.isIdle ?? true }

  /// The file's length when it was opened.
  var lengthWhenOpened: Int { file?.lengthWhenOpened ?? byteCount }
  /// Bytes from the start that may be touched.
  var reserved: Int { file?.reserved ?? byteCount }

  func bound<T: BitwiseCopyable>(to type: T.Type) -> UnsafeMutablePointer<T> {
    base.bindMemory(to: type, capacity: byteCount / MemoryLayout<T>.stride)
  }
}
