// The identity of this start of the machine.

internal import Foundations

enum BootID {
  /// The kernel's random number of this start. Zeros if it cannot be read; no store accepts those
  /// as its own.
  static func current() -> (UInt64, UInt64) {
    let digits = (SystemText.read("/proc/sys/kernel/random/boot_id") ?? "").compactMap(\.hexDigitValue)
    func word(_ digits: ArraySlice<Int>) -> UInt64 { digits.reduce(0) { $0 << 4 | UInt64($1) } }
    return (word(digits.prefix(16)), word(digits.dropFirst(16)))
  }
}
