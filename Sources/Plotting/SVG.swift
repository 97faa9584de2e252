// SVG as text.

/// Writes elements one after the other; escapes attributes and texts.
struct SVG {
  private(set) var body = ""

  mutating func element(_ name: String, _ attributes: [(String, String)], text: String? = nil) {
    body += "<\(name)\(Self.list(attributes))"
    body += text.map { ">\(Self.escape($0))</\(name)>\n" } ?? "/>\n"
  }

  mutating func open(_ name: String, _ attributes: [(String, String)]) {
    body += "<\(name)\(Self.list(attributes))>\n"
  }

  mutating func close(_ name: String) { body += "</\(name)>\n" }

  private static func list(_ attributes: [(String, String)]) -> String {
    attributes.map { " \($0)=\"\(escape($1))\"" }.joined()
  }

  /// Coordinates to a hundredth of a pixel.
  static func number(_ value: Double) -> String {
    let text = Axis.decimal(value, digits: 2).replacing("−", with: "-")
    return text.hasSuffix(".00") ? String(text.dropLast(3)) : text
  }

  /// Escapes a text for XML. Control characters, which XML cannot hold, become spaces.
  static func escape(_ text: String) -> String {
    var escaped = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "\"": escaped += "&quot;"
      case _ where scalar.value < 0x20 || scalar.value == 0xFFFE || scalar.value == 0xFFFF: escaped += " "
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }
}
