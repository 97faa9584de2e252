// A summary of the weights.

internal import Experience
internal import Foundations
internal import Wire

/// The state of the weights, for STATUS and HEALTH.
struct WeightsSummary {
  /// The server's incarnation.
  var incarnation: Identifier
  var version: UInt64
  var updates: UInt64
  var learners: Int
  /// The error of the last save; nil if it succeeded.
  var saveProblem: String?

  func health(uptime: Instant.Span) -> Health {
    Health(
      service: ServiceKind.parameters.rawValue, isHealthy: saveProblem == nil,
      text: saveProblem ?? "version \(version), \(learners) learners", uptime_s: uptime.seconds)
  }
}
