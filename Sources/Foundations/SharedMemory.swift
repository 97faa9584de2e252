// Memory that a child process can share.

internal import CKernels
internal import Glibc

/// Zeroed memory behind a descriptor (memfd), which a child may be given and map. It exists until
/// its last user ends.
public final class SharedMemory {
  /// Close-on-exec; for `ProcessSpawn.Stream.descriptor`.
  public let descriptor: Int32
  /// The first byte in this process.
  public let base: UnsafeMutableRawPointer
  /// As given, at least 1.
  public let byteCount: Int

  /// - Parameters:
  ///   - name: for people, in /proc.
  ///   - byteCount: at least 1. The machine provides pages when they are first written.
  public init(name: String, byteCount: Int) throws(SystemCallError) {
    precondition(byteCount > 0, "shared memory has at least a byte")
    descriptor = rookery_memory_file(name)
    guard descriptor >= 0 else { throw .last("make shared memory", name) }
    guard ftruncate(descriptor, byteCount) == 0,
      let base = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), base != MAP_FAILED
    else {
      let error = SystemCallError.last("map shared memory", name)
      close(descriptor)
      throw error
    }
    self.base = base
    self.byteCount = byteCount
  }

  deinit {
    munmap(base, byteCount)
    close(descriptor)
  }
}
