// The kernel's id of this boot.

internal import Foundations

enum BootID {
  /// The kernel's random number of this boot. Zeros if it cannot be read; a store then
  /// treats its files as in doubt.
  static func current() -> (UInt64, UInt64) {
    let digits = (SystemText.read("/proc/sys/kernel/random/boot_id") ?? "").compactMap(\.hexDigitValue)
    func word(_ digits: ArraySlice<Int>) -> UInt64 { digits.reduce(0) { $0 << 4 | UInt64($1) } }
    return (word(digits.prefix(16)), word(digits.dropFirst(16)))
  }
}
