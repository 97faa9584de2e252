// The services of a run.

/// The service of a process of a run. The raw value is its name in messages, as a command, and in
/// the shipped compose file. Lists show services in this order.
public enum ServiceKind: String, CaseIterable, Sendable {
  case parameters, replay, learner, actor, evaluator, recorder, player
}
