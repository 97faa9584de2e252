// The nearest known name.

internal import Foundations

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
    if let whole = editDistance(name, candidate, atMost: limit) { return whole }
    let (last, candidateLast) = (lastPart(name), lastPart(candidate))
    guard candidate.contains("."), candidateLast.utf8.count > 3 else { return nil }
    // Weighs more than any distance above, so that a slip in the right section wins.
    return editDistance(last, candidateLast, atMost: candidateLast.utf8.count / 4).map { 1000 + $0 }
  }

  private static func lastPart(_ path: String) -> String {
    path.split(separator: ".").last.map(String.init) ?? path
  }
}
