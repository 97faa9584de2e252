// The nearest known name.

/// Finds what somebody probably meant.
public enum Suggestion {
  /// The known name nearest to `name`, if one is near: up to a third of its letters wrong; or the same last part of a path in
  /// another section. Ties go to the first.
  public static func nearest(to name: String, among known: [String]) -> String? {
    var best: (distance: Int, name: String)?
    for candidate in known {
      guard let distance = distance(name, candidate), distance < best?.distance ?? .max else { continue }
      best = (distance, candidate)
    }
    return best?.name
  }

  private static func distance(_ name: String, _ candidate: String) -> Int? {
    let name = name.lowercased()
    let limit = max(1, min(name.utf8.count, candidate.utf8.count) / 3)
    if let whole = damerauLevenshtein(name, candidate, atMost: limit) { return whole }
    let (last, candidateLast) = (lastPart(name), lastPart(candidate))
    guard candidate.contains("."), candidateLast.utf8.count > 3 else { return nil }
    // Weighs more than any distance above, so that a slip in the right section wins.
    return damerauLevenshtein(last, candidateLast, atMost: candidateLast.utf8.count / 4).map { 1000 + $0 }
  }

  private static func lastPart(_ path: String) -> String {
    path.split(separator: ".").last.map(String.init) ?? path
  }

  /// Insertions, deletions, replacements and swaps of neighbours that turn one text into the other, no part changed twice
  /// ("optimal string alignment"; Damerau 1964); nil for more than `limit`. O(|a|·|b|).
  static func damerauLevenshtein(_ a: String, _ b: String, atMost limit: Int) -> Int? {
    let (a, b) = (Array(a.utf8), Array(b.utf8))
    guard abs(a.count - b.count) <= limit else { return nil }
    var beforeLast: [Int] = []
    var last = Array(0...b.count)
    for i in 0..<a.count {
      var row = [i + 1]
      for j in 0..<b.count {
        var cost = min(row[j] + 1, last[j + 1] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, beforeLast[j - 1] + 1) }
        row.append(cost)
      }
      (beforeLast, last) = (last, row)
    }
    return last[b.count] <= limit ? last[b.count] : nil
  }
}
