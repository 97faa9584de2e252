// Formats numbers for the console.

/// Numbers and columns as short text; `–` for NaN and infinite values.
public enum Format {
  /// At most one decimal.
  public static func number(_ value: Double) -> String {
    guard value.isFinite else { return "–" }
    guard abs(value) < 1e15 else { return String(value) }
    let rounded = (value * 10).rounded() / 10
    return rounded == rounded.rounded() ? String(Int(rounded)) : String(rounded)
  }

  /// Rounded to a whole number.
  public static func integer(_ value: Double) -> String {
    Int(exactly: value.rounded()).map { String($0) } ?? "–"
  }

  /// 950, 12.3 k, 4.5 M.
  public static func count(_ value: Double) -> String {
    guard value.isFinite else { return "–" }
    switch abs(value) {
    case 1e9...: return "\(number(value / 1e9)) G"
    case 1e6...: return "\(number(value / 1e6)) M"
    case 1e4...: return "\(number(value / 1e3)) k"
    default: return String(Int(value.rounded()))
    }
  }

  /// A fraction of 1 as `12.5 %`.
  public static func percent(_ fraction: Double) -> String { "\(number(fraction * 100)) %" }

  /// The text, followed by spaces up to `width` characters.
  public static func pad(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }
}
