// A file that is mapped as memory.

internal import CKernels
internal import Foundations
internal import Glibc

/// A file mapped at its largest size, whose disk space is reserved piece by piece.
///
/// A write to a page of a sparse file on a full disk kills the process (SIGBUS). So only what
/// `posix_fallocate` has reserved is accessible; access to the rest of the address space traps.
final class MappedFile {
  let path: String
  let base: UnsafeMutableRawPointer
  let byteCountMax: Int
  /// Bytes from the start that are on disk and may be touched.
  private(set) var reserved: Int
  /// The file's length when it was opened.
  let lengthWhenOpened: Int
  private let descriptor: Int32
  /// Whether bytes are written by `write`, and the mapping is read page by page without read-ahead.
  let isWrittenThrough: Bool
  /// Paces `write` by the disk; nil unless `writing` is `paced`.
  private(set) var behind: WriteBehind?

  /// Bytes reserved at once: few system calls, and never more than this ahead of need.
  private let piece: Int
  static let page = 4096
  /// A page of zeros, never freed.
  private static nonisolated(unsafe) let zeros: UnsafeRawPointer = {
    let page = UnsafeMutableRawPointer.allocate(byteCount: MappedFile.page, alignment: MappedFile.page)
    page.initializeMemory(as: UInt8.self, repeating: 0, count: MappedFile.page)
    return UnsafeRawPointer(page)
  }()

  /// How bytes get into a file.
  enum Writing {
    /// Through the mapping.
    case mapped
    /// By `write`, which is many times as fast for pages that are not in memory.
    case through
    /// By `write`, while a thread keeps the amount that waits for the disk small.
    case paced
  }

  /// Opens a file, or creates an empty one. Throws `storage` with the path and the system's reason.
  init(
    path: String, byteCountMax: Int, piece: Int = 16 << 20, writing: Writing = .mapped
  ) throws(ReplayStoreError) {
    self.path = path
    self.piece = piece
    isWrittenThrough = writing != .mapped
    self.byteCountMax = max(byteCountMax, Self.page)
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw Self.failure("open", path) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      close(descriptor)
      throw Self.failure("examine", path)
    }
    let address = mmap(nil, self.byteCountMax, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    guard let address, address != MAP_FAILED else {
      close(descriptor)
      throw Self.failure("map", path)
    }
    base = address
    reserved = 0
    lengthWhenOpened = Int(status.st_size)
    do throws(ReplayStoreError) {
      // A partial page is damage: it must not come back once the file has grown again.
      let whole = Int(status.st_size) / Self.page * Self.page
      if whole < status.st_size, ftruncate(descriptor, off_t(whole)) != 0 {
        throw Self.failure("shorten", path)
      }
      // Reserved again: a copy of the file may have holes where there were zeros.
      let end = min(whole, Self.rounded(self.byteCountMax, Self.page))
      if end > 0 { try allocate(upTo: end) }
      if writing == .paced { behind = try WriteBehind(descriptor: descriptor) }
    } catch {
      munmap(base, self.byteCountMax)
      close(descriptor)
      throw error
    }
  }

  deinit {
    // Its thread uses the descriptor until it ends.
    behind = nil
    munmap(base, byteCountMax)
    close(descriptor)
  }

  /// Reserves at least the first `bytes`, in pieces. Throws `storage` if the disk is full; what was
  /// reserved stays.
  func reserve(_ bytes: Int) throws(ReplayStoreError) {
    precondition(bytes <= byteCountMax, "reserved beyond the end of \(path)")
    guard bytes > reserved else { return }
    let most = Self.rounded(byteCountMax, Self.page)
    do throws(ReplayStoreError) {
      try allocate(upTo: min(Self.rounded(bytes, piece), most))
    } catch {
      // There may still be room for less than a piece.
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
    if isWrittenThrough { rookery_pages_random(base + reserved, end - reserved) }
    reserved = end
  }

  /// Writes reserved bytes. For pages that are not in memory this costs less than the mapping,
  /// which would read them first. A partly written last page would be read too, so it is padded
  /// with zeros if the `free` bytes behind allow it.
  func write(_ source: UnsafeRawPointer, at offset: Int, count: Int, free: Int) {
    let padding = Self.rounded(offset + count, Self.page) - offset - count
    let isPadded = padding <= free && offset + count + padding <= reserved
    var done = 0
    while done < count {
      var pieces = [
        iovec(iov_base: UnsafeMutableRawPointer(mutating: source + done), iov_len: count - done),
        iovec(iov_base: UnsafeMutableRawPointer(mutating: Self.zeros), iov_len: padding),
      ]
      let written = pwritev(descriptor, &pieces, isPadded ? 2 : 1, off_t(offset + done))
      if written < 0, errno == EINTR { continue }
      // A refusal here means a failing disk, which the mapping reports.
      guard written > 0 else {
        return (base + offset + done).copyMemory(from: source + done, byteCount: count - done)
      }
      done += written
    }
    behind?.didWrite(offset, count)
  }

  private static func rounded(_ bytes: Int, _ unit: Int) -> Int { (bytes + unit - 1) / unit * unit }

  private static func failure(_ operation: String, _ path: String) -> ReplayStoreError {
    .storage(SystemCallError.last(operation, path).description)
  }
}
