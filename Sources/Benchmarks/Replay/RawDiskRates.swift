// The speed of the raw disk.

internal import Foundations
internal import Glibc
internal import Synchronization

/// Raw rates of the disk under a folder, bypassing the page cache, with no other load.
struct RawDiskRates: Encodable {
  /// Pieces of 1 MB in order over existing blocks, as a ring writes.
  var write_bytes_per_s: Double
  /// Pieces of an item's size at random, 16 at a time, as batches read.
  var read_bytes_per_s: Double

  private static let fileBytes = 1 << 30
  private static let writeBytes = 1 << 20
  private static let readers = 16
  private static let page = 4096
  /// O_DIRECT, which Swift does not import.
  #if arch(arm64)
    private static let direct: Int32 = 0x10000
  #else
    private static let direct: Int32 = 0x4000
  #endif

  /// Measures both rates; takes about 3 seconds and a file of 1 GB.
  /// - Parameter readBytes: bytes of an item.
  static func measure(in folder: String, readBytes: Int) throws -> RawDiskRates {
    let path = "\(folder)/raw"
    let descriptor = open(path, O_RDWR | O_CREAT | direct | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw SystemCallError.last("open", path) }
    defer {
      close(descriptor)
      unlink(path)
    }
    try check(posix_fallocate(descriptor, 0, fileBytes), "reserve", path)
    // The first pass costs more, because its blocks are only reserved.
    _ = try write(descriptor, path)
    return RawDiskRates(
      write_bytes_per_s: try write(descriptor, path),
      read_bytes_per_s: try read(descriptor, path, bytes: readBytes / page * page))
  }

  private static func write(_ descriptor: Int32, _ path: String) throws -> Double {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: writeBytes, alignment: page)
    defer { memory.deallocate() }
    memory.initializeMemory(as: UInt8.self, repeating: 7)
    let start = SystemClock.now()
    for offset in stride(from: 0, to: fileBytes, by: writeBytes) {
      guard pwrite(descriptor, memory.baseAddress!, writeBytes, offset) == writeBytes else {
        throw SystemCallError.last("write", path)
      }
    }
    return Double(fileBytes) / (SystemClock.now() - start).seconds
  }

  private static func read(_ descriptor: Int32, _ path: String, bytes: Int) throws -> Double {
    let done = Mutex((pieces: 0, code: Int32(0)))
    let start = SystemClock.now()
    let end = start + .seconds(1.5)
    do {
      // Leaving this scope waits for each worker's job.
      let workers = try (0..<readers).map { _ in try BackgroundWorker() }
      for (index, worker) in workers.enumerated() {
        worker.submit(0) {
          let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes, alignment: page)
          defer { memory.deallocate() }
          var generator = SeededGenerator(seed: UInt64(index))
          var pieces = 0
          while SystemClock.now() < end {
            let offset = generator.below((fileBytes - bytes) / page) * page
            guard pread(descriptor, memory.baseAddress!, bytes, offset) == bytes else {
              return done.withLock { $0.code = errno }
            }
            pieces += 1
          }
          done.withLock { $0.pieces += pieces }
        }
      }
    }
    let seconds = (SystemClock.now() - start).seconds
    let (pieces, code) = done.withLock { $0 }
    try check(code, "read", path)
    return Double(pieces * bytes) / seconds
  }

  private static func check(_ code: Int32, _ operation: String, _ path: String) throws {
    if code != 0 { throw SystemCallError(operation, path, code: code) }
  }
}
