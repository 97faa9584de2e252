// The checksum in a safetensors file.

internal import Foundations

/// 16 hexadecimal digits in the header's `__metadata__`: `Checksum` over the whole file with zeros
/// in their place. Files of other programs have none, and are read unchecked.
enum SafetensorsChecksum {
  static let key = "rookery.checksum"
  static let blank = String(repeating: "0", count: 16)

  /// The digits' range in a file; nil if it has none.
  static func digitsRange(in contents: [UInt8], header: Range<Int>) -> Range<Int>? {
    let start = Array("\"\(key)\":\"".utf8)
    guard header.count >= start.count + blank.utf8.count else { return nil }
    let last = header.upperBound - start.count - blank.utf8.count
    for index in header.lowerBound...last where contents[index] == start[0] {
      guard contents[index..<index + start.count].elementsEqual(start) else { continue }
      return index + start.count..<index + start.count + blank.utf8.count
    }
    return nil
  }

  /// The digits that a file should have in `range`.
  static func digits(of contents: [UInt8], range: Range<Int>) -> String {
    var blanked = contents
    blanked.replaceSubrange(range, with: blank.utf8)
    let digits = String(blanked.withUnsafeBytes { Checksum.of($0) }, radix: 16)
    return blank.dropFirst(digits.count) + digits
  }

  /// Writes the digits into a file that has zeros in their place.
  static func seal(_ contents: inout [UInt8], header: Range<Int>) {
    guard let range = digitsRange(in: contents, header: header) else { return }
    contents.replaceSubrange(range, with: digits(of: contents, range: range).utf8)
  }
}
