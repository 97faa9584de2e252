// Numbers for people.

public enum Format {
  /// Up to one decimal below 1000.
  public static func number(_ value: Double) -> String {
    guard value.isFinite else { return "–" }
    guard abs(value) < 1e15 else { return String(value) }
    let rounded = (value * 10).rounded() / 10
    return rounded == rounded.rounded() ? String(Int(rounded)) : String(rounded)
  }

  /// Without a fraction, however large.
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

  public static func percent(_ share: Double) -> String { "\(number(share * 100)) %" }

  public static func pad(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }
}
