// Ticks and numbers of an axis.

/// A range and its round ticks.
struct Axis: Hashable, Sendable {
  let low: Double
  let high: Double
  let ticks: [Double]

  /// The smallest round range over `low` to `high`, with about `count` ticks at 1, 2, 2.5 or 5
  /// times a power of ten.
  init(from low: Double, to high: Double, about count: Int = 6) {
    var (low, high) = (min(low, high), max(low, high))
    if high - low <= max(abs(low), abs(high)) * 1e-9 {
      // A single value: add room around it.
      let room = max(abs(high) * 0.1, 0.5)
      (low, high) = (low - room, high + room)
    }
    let step = Self.step((high - low) / Double(max(1, count)))
    let first = (low / step).rounded(.down)
    let last = (high / step).rounded(.up)
    ticks = stride(from: first, through: last, by: 1).map { $0 * step }
    self.low = first * step
    self.high = last * step
  }

  private static func step(_ rough: Double) -> Double {
    var power = 1.0
    while power * 10 <= rough { power *= 10 }
    while power > rough { power /= 10 }
    return ([1, 2, 2.5, 5, 10].first { $0 * power >= rough * 0.999_999 } ?? 10) * power
  }

  /// The position of a value on the axis: 0 at `low`, 1 at `high`.
  func fraction(_ value: Double) -> Double { (value - low) / (high - low) }

  /// The ticks as text, all in the same unit: `0`, `250 k`, `500 k`.
  var labels: [String] {
    let largest = max(abs(low), abs(high))
    let units: [(Double, String)] = [(1e12, " T"), (1e9, " G"), (1e6, " M"), (1e4, " k")]
    let unit = units.first { largest >= $0.0 } ?? (1, "")
    let scale = unit.0 == 1e4 ? 1e3 : unit.0
    let step = ticks.count > 1 ? (ticks[1] - ticks[0]) / scale : 1
    var digits = 0
    var rest = step
    while digits < 9, abs(rest - rest.rounded()) > 1e-6 * max(1, abs(rest)) || rest < 0.5 {
      digits += 1
      rest = step * Self.tenTo(digits)
    }
    return ticks.map { $0 == 0 ? "0" : Self.decimal($0 / scale, digits: digits) + unit.1 }
  }

  private static func tenTo(_ digits: Int) -> Double { (0..<digits).reduce(1.0) { power, _ in power * 10 } }

  /// A number with this many digits after the point.
  static func decimal(_ value: Double, digits: Int) -> String {
    let scaled = (value * tenTo(digits)).rounded()
    guard abs(scaled) < 9e15 else { return "\(value)" }
    let whole = String(Int(abs(scaled)))
    let padded = String(repeating: "0", count: max(0, digits + 1 - whole.count)) + whole
    let sign = scaled < 0 ? "−" : ""
    return digits == 0 ? sign + padded : "\(sign)\(padded.dropLast(digits)).\(padded.suffix(digits))"
  }
}
