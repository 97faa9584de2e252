// Which start of the machine this is.

internal import Glibc

enum BootID {
  /// The kernel's random number of this start; zeros if it says none, which no store takes for its own.
  static func current() -> (UInt64, UInt64) {
    let descriptor = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return (0, 0) }
    defer { close(descriptor) }
    var digits = 0
    var words: (UInt64, UInt64) = (0, 0)
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64) { buffer in
      let count = read(descriptor, buffer.baseAddress!, 64)
      for byte in buffer[..<max(0, count)] {
        guard let digit = Character(UnicodeScalar(byte)).hexDigitValue else { continue }
        if digits < 16 {
          words.0 = words.0 << 4 | UInt64(digit)
        } else {
          words.1 = words.1 << 4 | UInt64(digit)
        }
        digits += 1
      }
    }
    return words
  }
}
