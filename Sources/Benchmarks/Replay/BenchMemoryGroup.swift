// Limits a service's memory.

internal import Foundations
internal import Glibc

/// A Linux control group that limits the memory of a process, including the page cache of its
/// files. Version 1 or 2; only root can create one.
struct BenchMemoryGroup {
  private let path: String

  /// - Throws: `BenchError` if this machine or this user cannot create one.
  init(bytes: Int) throws {
    let isVersion1 = access("/sys/fs/cgroup/memory", F_OK) == 0
    let root = isVersion1 ? "/sys/fs/cgroup/memory" : "/sys/fs/cgroup"
    path = "\(root)/rookery-bench-\(getpid())"
    do {
      if !isVersion1 { try Self.write("+memory", to: "\(root)/cgroup.subtree_control") }
      guard mkdir(path, 0o755) == 0 else { throw SystemCallError.last("make", path) }
      try Self.write("\(bytes)", to: path + (isVersion1 ? "/memory.limit_in_bytes" : "/memory.max"))
    } catch {
      rmdir(path)
      throw BenchError(
        "--storage disk limits the service's memory with a control group, which needs root: \(error)")
    }
  }

  func add(_ process: Int32) throws { try Self.write("\(process)", to: path + "/cgroup.procs") }

  /// Removes the group. Its processes must have ended.
  func remove() { rmdir(path) }

  private static func write(_ text: String, to path: String) throws {
    let descriptor = open(path, O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw SystemCallError.last("open", path) }
    defer { close(descriptor) }
    let bytes = Array(text.utf8)
    guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count else {
      throw SystemCallError.last("write to", path)
    }
  }
}
