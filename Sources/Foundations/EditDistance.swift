// The distance of two texts.

/// Insertions, deletions, replacements and swaps of neighbours that turn one text into the other,
/// no part changed twice ("optimal string alignment"; Damerau 1964). nil if there are more than
/// `limit`. O(|a|·|b|).
public func editDistance(_ a: String, _ b: String, atMost limit: Int = .max) -> Int? {
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
