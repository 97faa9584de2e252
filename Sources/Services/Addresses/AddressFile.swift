// The launcher's file of addresses.

internal import Foundations
internal import Glibc

/// Lines `NAME=value`: what the variables of that name would be for a process that is started now. The launcher replaces the file
/// whenever replicas come and go; it is read again when it is another one.
final class AddressFile {
  static let replay = "ROOKERY_REPLAY_ADDRESS"

  let path: String
  /// Of the file that was read last.
  private var seen = stat()

  init(path: String) {
    self.path = path
  }

  /// The value of a name, if the file is another one than at the last call and has it.
  func newValue(of name: String) -> String? {
    var status = stat()
    guard stat(path, &status) == 0,
      (status.st_ino, status.st_mtim.tv_sec, status.st_mtim.tv_nsec)
        != (seen.st_ino, seen.st_mtim.tv_sec, seen.st_mtim.tv_nsec)
    else { return nil }
    seen = status
    // A thousand addresses are some 30 KB.
    guard let text = SystemText.read(path, most: 1 << 20) else { return nil }
    for line in text.split(separator: "\n") {
      if line.hasPrefix("\(name)=") { return String(line.dropFirst(name.count + 1)) }
    }
    return nil
  }
}
