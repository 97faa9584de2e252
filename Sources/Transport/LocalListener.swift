// Who listens on an ipc path.

internal import Glibc

/// libzmq takes an ipc path from whoever listens on it, without a word: it removes the file and makes its own. So it is asked for first.
enum LocalListener {
  /// A process accepts connections on the path. (A file that a dead one left behind does not.)
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
    // EAGAIN: it is there, and its queue of connections is full.
    return code == 0 || errno == EAGAIN
  }
}
