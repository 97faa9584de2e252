// Reads the launcher's file of addresses.

internal import Foundations
internal import Glibc

/// A file of lines `NAME=value`: environment variables as a process started now would get them. The
/// launcher replaces the file when replicas start or stop. It is read again after each replacement.
final class AddressFile {
  static let replay = "ROOKERY_REPLAY_ADDRESS"
  static let taps = "ROOKERY_TAP_ADDRESS"

  let path: String
  /// The status of the file that was read last.
  private var seen = stat()

  init(path: String) {
    self.path = path
  }

  /// The value of a name, or nil if the file has not been replaced since the last call or lacks it.
  func newValue(of name: String) -> String? {
    var status = stat()
    guard stat(path, &status) == 0,
      (status.st_ino, status.st_mtim.tv_sec, status.st_mtim.tv_nsec)
        != (seen.st_ino, seen.st_mtim.tv_sec, seen.st_mtim.tv_nsec)
    else { return nil }
    seen = status
    // A thousand addresses are about 30 KB.
    guard let text = SystemText.read(path, maxBytes: 1 << 20) else { return nil }
    for line in text.split(separator: "\n") {
      if line.hasPrefix("\(name)=") { return String(line.dropFirst(name.count + 1)) }
    }
    return nil
  }
}
