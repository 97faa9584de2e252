// Says which points of the curves a page has.

internal import Experience

/// The server's incarnation, then generation and number of points of each series: `1f3a….0.12.0.3`.
struct HistoryCursor: CustomStringConvertible {
  private var incarnation: String
  private var samplesGeneration: Int
  private(set) var samples: Int
  private var evaluationsGeneration: Int
  private(set) var evaluations: Int

  init(_ history: RunHistory, incarnation: Identifier) {
    self.incarnation = incarnation.description
    samplesGeneration = history.samples.generation
    samples = history.samples.points.count
    evaluationsGeneration = history.evaluations.generation
    evaluations = history.evaluations.points.count
  }

  /// Parses a cursor; nil for other text.
  init?(_ text: String) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    let numbers = parts.dropFirst().compactMap { Int($0) }
    guard parts.count == 5, numbers.count == 4, numbers.allSatisfy({ $0 >= 0 }) else { return nil }
    incarnation = String(parts[0])
    (samplesGeneration, samples) = (numbers[0], numbers[1])
    (evaluationsGeneration, evaluations) = (numbers[2], numbers[3])
  }

  /// Whether this cursor's points are still the first ones of `newest`.
  func continues(in newest: HistoryCursor) -> Bool {
    incarnation == newest.incarnation && samplesGeneration == newest.samplesGeneration
      && samples <= newest.samples
      && evaluationsGeneration == newest.evaluationsGeneration && evaluations <= newest.evaluations
  }

  var description: String {
    "\(incarnation).\(samplesGeneration).\(samples).\(evaluationsGeneration).\(evaluations)"
  }
}
