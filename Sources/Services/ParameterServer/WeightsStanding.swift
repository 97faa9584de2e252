// How the weights stand.

internal import Experience
internal import Foundations
internal import Wire

/// What the authority on weights has to say to who asks after the run.
struct WeightsStanding {
  /// The server's incarnation.
  var incarnation: Identifier
  var version: UInt64
  var updates: UInt64
  var learners: Int
  /// Why the last save failed, while it does.
  var saveProblem: String?

  func health(uptime: Instant.Span) -> Health {
    Health(
      service: ServiceKind.parameters.rawValue, isHealthy: saveProblem == nil,
      text: saveProblem ?? "version \(version), \(learners) learners", uptime_s: uptime.seconds)
  }
}
