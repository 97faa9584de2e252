// A file as memory.

internal import Foundations
internal import Glibc

/// A file mapped whole at its largest size, whose disk space is reserved piece by piece.
///
/// Writing to a page of a sparse file on a full disk kills the process (SIGBUS). So only what `posix_fallocate` has reserved
/// is made accessible; the rest of the address space traps.
final class MappedFile {
  let path: String
  let base: UnsafeMutableRawPointer
  let byteCountMax: Int
  /// Bytes from the start that are on disk and may be touched.
  private(set) var reserved: Int
  private let descriptor: Int32

  /// Reserved at once: few system calls, and no more than this is taken ahead of need.
  private let piece: Int
  private static let page = 4096

  /// Opens a file, or makes an empty one. Throws `storage` with the path and the system's reason.
  init(path: String, byteCountMax: Int, piece: Int = 16 << 20) throws(ReplayStoreError) {
    self.path = path
    self.piece = piece
    self.byteCountMax = max(byteCountMax, Self.page)
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw Self.failure("open", path) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      close(descriptor)
      throw Self.failure("look at", path)
    }
    let address = mmap(nil, self.byteCountMax, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    guard let address, address != MAP_FAILED else {
      close(descriptor)
      throw Self.failure("map", path)
    }
    base = address
    reserved = 0
    do throws(ReplayStoreError) {
      // Reserved anew: a copy of the file may have holes where there were zeros.
      let end = min(Int(status.st_size) / Self.page * Self.page, Self.rounded(self.byteCountMax, Self.page))
      if end > 0 { try allocate(upTo: end) }
    } catch {
      munmap(base, self.byteCountMax)
      close(descriptor)
      throw error
    }
  }

  deinit {
    munmap(base, byteCountMax)
    close(descriptor)
  }

  /// Reserves at least the first `bytes`, in pieces. Throws `storage` if the disk has no room; what was there stays.
  func reserve(_ bytes: Int) throws(ReplayStoreError) {
    precondition(bytes <= byteCountMax, "reserved beyond the end of \(path)")
    guard bytes > reserved else { return }
    let most = Self.rounded(byteCountMax, Self.page)
    do throws(ReplayStoreError) {
      try allocate(upTo: min(Self.rounded(bytes, piece), most))
    } catch {
      // Less than a piece may still be there.
      try allocate(upTo: Self.rounded(bytes, Self.page))
    }
  }

  private func allocate(upTo end: Int) throws(ReplayStoreError) {
    let code = posix_fallocate(descriptor, off_t(reserved), off_t(end - reserved))
    guard code == 0 else {
      throw .storage(
        SystemCallError("reserve \(end - reserved) bytes of", path, code: code).description
          + "; make room on that disk, or lower replay.capacity")
    }
    try map(upTo: end)
  }

  private func map(upTo end: Int) throws(ReplayStoreError) {
    guard end > reserved else { return }
    let address = mmap(
      base + reserved, end - reserved, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, descriptor,
      off_t(reserved))
    guard address != MAP_FAILED else { throw Self.failure("map", path) }
    reserved = end
  }

  private static func rounded(_ bytes: Int, _ unit: Int) -> Int { (bytes + unit - 1) / unit * unit }

  private static func failure(_ operation: String, _ path: String) -> ReplayStoreError {
    .storage(SystemCallError.last(operation, path).description)
  }
}
