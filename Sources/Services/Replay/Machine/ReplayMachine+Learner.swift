// The one learner of a shard, with `replay.binding: own`.

internal import Experience
public import Foundations
internal import Wire

extension ReplayMachine {
  /// Whether a HELLO is that of a learner of which the shard takes one at a time.
  private func isExclusive(_ hello: Hello) -> Bool {
    guard let table = configuration.exclusiveTable, case .sampler = hello.role else { return false }
    return hello.tables.contains { $0.name == table }
  }

  /// Why a sampler cannot have the shard: it has another learner, which is not silent. Nil if it
  /// can.
  func learnerProblem(_ hello: Hello, now: Instant) -> String? {
    guard isExclusive(hello), let learner, learner.id != hello.id, learner.isHere(now: now) else {
      return nil
    }
    let silence = ((now - learner.lastHeard).seconds * 10).rounded() / 10
    return
      "replay.binding own: expected no learner at this shard, found \(learner.label), heard \(silence) s ago; try another "
      + "shard, or again once it has been silent for \(ShardLearner.goneAfter.seconds) s"
  }

  /// Gives the shard to a sampler that `learnerProblem` has nothing against. A learner that has
  /// been silent for too long is forgotten.
  mutating func adoptLearner(_ hello: Hello, now: Instant) {
    guard isExclusive(hello) else { return }
    if learner?.id == hello.id {
      learner?.label = hello.label
      learner?.hear(now: now)
      return
    }
    if let former = learner.flatMap({ samplers.peer(of: $0.id) }) { forget(sampler: former) }
    learner = ShardLearner(id: hello.id, label: hello.label, now: now)
    counters.learners += 1
  }

  /// Records that a sampler requests something, which keeps its shard.
  mutating func hearLearner(_ id: Identifier, now: Instant) {
    if learner?.id == id { learner?.hear(now: now) }
  }

  /// The label of the learner that holds the shard; nil without one, or if any number may sample.
  public func learnerLabel(now: Instant) -> String? {
    learner.flatMap { $0.isHere(now: now) ? $0.label : nil }
  }

  /// Says who the learner is; its own question keeps the shard.
  mutating func answerLearner(to peer: PeerID, now: Instant, sink: some FrameSink) {
    let isAsker = learner != nil && samplers[peer]?.id == learner?.id
    if isAsker { learner?.hear(now: now) }
    Learner(
      isOwn: configuration.exclusiveTable != nil, label: learnerLabel(now: now), isAsker: isAsker
    ).encode(into: scratch)
    sink.send(scratch.bytes, to: peer)
  }
}
