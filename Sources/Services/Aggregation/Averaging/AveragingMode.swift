// When and with what weights changes are averaged.

internal import Configuration

/// How learners' changes are merged (docs/ARCHITECTURE.md, averaging).
public enum AveragingMode: Sendable {
  /// Changes that arrive within a round: θ += Σ uᵢΔᵢ / Σ uᵢ.
  case rounds
  /// Each change as it comes: θ += Δᵢ · uᵢ / Σ over active members of their latest u.
  case asynchronous

  init(_ mode: AggregationConfiguration.Mode) {
    switch mode {
    case .rounds: self = .rounds
    case .asynchronous: self = .asynchronous
    }
  }
}
