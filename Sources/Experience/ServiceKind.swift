// The services of a run.

/// What a process of a run is. The raw value is its name in messages, as a command and in the shipped
/// compose file; people see them in this order.
public enum ServiceKind: String, CaseIterable, Sendable {
  case parameters, replay, learner, actor, evaluator
}
