// A service that may have so much memory and no more.

internal import Foundations
internal import Glibc

/// A control group of Linux that bounds the memory of a process, its pages of files included. Version 1 or 2; only root may make one.
struct BenchMemoryGroup {
  private let path: String

  /// - Throws: `BenchError` if this machine, or this user, cannot have one.
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
      throw BenchError("--storage disk bounds the service's memory by a control group, as root may: \(error)")
    }
  }

  func add(_ process: Int32) throws { try Self.write("\(process)", to: path + "/cgroup.procs") }

  /// Once its processes have ended.
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
