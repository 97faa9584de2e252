// Memory that lives as long as its owner.

internal import Glibc

/// Zeroed memory of the process, mapped when made and given back when freed; a page costs nothing until it is touched.
final class Arena {
  let base: UnsafeMutableRawPointer
  let byteCount: Int

  /// Above this, huge pages are asked for: they save address translations in random access.
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
  }

  deinit { munmap(base, byteCount) }

  func bound<T: BitwiseCopyable>(to type: T.Type) -> UnsafeMutablePointer<T> {
    base.bindMemory(to: type, capacity: byteCount / MemoryLayout<T>.stride)
  }
}
