// Text on its way out of the program.

internal import Glibc

enum StandardOutput {
  /// Writes all of it; false if nobody takes it any more.
  @discardableResult
  static func write(_ text: String, to descriptor: Int32 = 1) -> Bool {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let written = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if written < 0 {
        if errno == EINTR || errno == EAGAIN { continue }
        return false
      }
      rest = rest.dropFirst(written)
    }
    return true
  }
}
