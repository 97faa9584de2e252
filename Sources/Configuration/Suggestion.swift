// The nearest known name.

internal import Foundations

/// Finds the known name that a misspelt one probably means.
public enum Suggestion {
  /// The known name nearest to `name`; nil if none is near.
  ///
  /// Near is a name with up to a third of its letters wrong, or a key of another section with the
  /// same last part. The first of equals wins.
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
    // Above any distance of whole names, so that a typing error in the right section wins.
    return editDistance(last, candidateLast, atMost: candidateLast.utf8.count / 4).map { 1000 + $0 }
  }

  private static func lastPart(_ path: String) -> String {
    path.split(separator: ".").last.map(String.init) ?? path
  }
}
