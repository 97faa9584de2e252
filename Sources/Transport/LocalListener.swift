// Finds a listener on an ipc path.

internal import Glibc

/// Asked before listening: libzmq would remove the file of an ipc path on which another process
/// listens, without an error, and create its own.
enum LocalListener {
  /// Whether a process accepts connections on the path. A file that an ended process left behind
  /// does not.
  static func isThere(_ path: String) -> Bool {
    var address = sockaddr_un()
    guard path.utf8.count < MemoryLayout.size(ofValue: address.sun_path) else { return false }
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let descriptor = socket(
      AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    let code = withUnsafeBytes(of: address) { bytes in
      connect(descriptor, bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
    }
    // EAGAIN: a process listens, and its queue of connections is full.
    return code == 0 || errno == EAGAIN
  }
}
