// Values written as YAML.

/// Writes scalars so that every YAML parser reads the same value back.
enum YAMLText {
  /// The shortest decimal that reads back exactly; whole numbers without a fraction.
  static func number(_ value: Double) -> String {
    if value == value.rounded(), value.magnitude < 1e15 { return "\(Int(value))" }
    let text = "\(value)"
    guard let exponent = text.firstIndex(of: "e"), !text.contains(".") else { return text }
    return text[..<exponent] + ".0" + text[exponent...]  // YAML 1.1 parsers take 1e-08 for a string
  }

  /// A plain scalar if that is safe, else one in double quotes.
  static func string(_ text: String) -> String {
    let safe = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-".utf8)
    let node = YAMLNode(.scalar(text, plain: true), at: SourcePlace(file: "", line: 1, column: 1))
    let words = ["yes", "no", "on", "off", "y", "n", "true", "false", "null"]
    let isPlain =
      text.first?.isLetter == true && text.utf8.allSatisfy(safe.contains) && node.double == nil
      && !words.contains(text.lowercased())
    return isPlain ? text : "\"" + text.unicodeScalars.map(escaped).joined() + "\""
  }

  /// A string in double quotes, with the escapes that JSON and YAML have in common.
  static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar.value {
      case 0x22, 0x5C: result += "\\" + String(scalar)
      case 0x20...0x7E, 0xA0...0x2027, 0x202A...0xD7FF, 0xE000...0xFEFE, 0xFF00...0xFFFD, 0x10000...:
        result += String(scalar)
      default:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      }
    }
    return result + "\""
  }

  private static func escaped(_ scalar: Unicode.Scalar) -> String {
    switch scalar.value {
    case 0x22: return "\\\""
    case 0x5C: return "\\\\"
    case 0x20...0x7E, 0xA0...0x2027, 0x202A...0xD7FF, 0xE000...0xFEFE, 0xFF00...0xFFFD:
      return String(scalar)
    default:
      let digits = String(scalar.value, radix: 16)
      return "\\U" + String(repeating: "0", count: 8 - digits.count) + digits
    }
  }
}
