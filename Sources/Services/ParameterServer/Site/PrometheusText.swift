// Writes Prometheus' text format.

/// Collects samples by family and writes them as text format 0.0.4
/// (prometheus.io/docs/instrumenting/exposition_formats).
struct PrometheusText {
  private struct Family {
    var type: String
    var help: String
    var lines: [String] = []
  }

  /// Samples beyond this number are only counted.
  let samplesMax: Int
  private(set) var samples = 0
  private(set) var dropped = 0
  private var families: [String: Family] = [:]

  init(samplesMax: Int) {
    self.samplesMax = samplesMax
  }

  func has(_ family: String) -> Bool { families[family] != nil }

  /// Adds a sample. Names that end in `_total` are counters, all others gauges.
  mutating func add(_ family: String, _ help: String, _ labels: [(String, String)] = [], _ value: Double) {
    guard samples < samplesMax else {
      dropped += 1
      return
    }
    samples += 1
    let set =
      labels.isEmpty ? "" : "{\(labels.map { "\($0)=\"\(Self.escape($1))\"" }.joined(separator: ","))}"
    let type = family.hasSuffix("_total") ? "counter" : "gauge"
    families[family, default: Family(type: type, help: help)].lines.append(
      "\(family)\(set) \(Self.number(value))")
  }

  /// Counts a sample that the caller left out.
  mutating func drop() { dropped += 1 }

  var text: String {
    var text = ""
    for (name, family) in families.sorted(by: { $0.key < $1.key }) {
      text += "# HELP \(name) \(Self.escapeHelp(family.help))\n# TYPE \(name) \(family.type)\n"
      for line in family.lines {
        text += line
        text += "\n"
      }
    }
    return text
  }

  static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
    return abs(value) < 1e15 && value == value.rounded() ? String(Int(value)) : String(value)
  }

  /// Escapes a label's value: backslash, quote and line feed.
  static func escape(_ text: String) -> String { escape(text.unicodeScalars, quotes: true) }
  private static func escapeHelp(_ text: String) -> String { escape(text.unicodeScalars, quotes: false) }

  private static func escape(_ scalars: String.UnicodeScalarView, quotes: Bool) -> String {
    var result = String.UnicodeScalarView()
    for scalar in scalars {
      switch scalar {
      case "\\": result.append(contentsOf: "\\\\".unicodeScalars)
      case "\n": result.append(contentsOf: "\\n".unicodeScalars)
      case "\"" where quotes: result.append(contentsOf: "\\\"".unicodeScalars)
      default: result.append(scalar)
      }
    }
    return String(result)
  }

  /// Replaces all bytes but ASCII letters and digits by underscores.
  static func sanitized(_ name: String) -> String {
    let bytes = name.utf8.map { byte -> UInt8 in
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: byte
      default: 0x5F
      }
    }
    return bytes.isEmpty ? "_" : String(decoding: bytes, as: UTF8.self)
  }
}
