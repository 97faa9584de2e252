// Sends the current weights to new subscribers.

internal import Experience
internal import Foundations
internal import Wire

extension WeightsAuthority {
  /// Handles a subscription as XPUB reports it (1, then the prefix). A new subscriber's own topic
  /// is answered with the current version.
  mutating func subscribed(_ notice: UnsafeRawBufferPointer, sink: some PublishingSink) {
    guard notice.count > 1, notice[0] == 1 else { return }
    var cursor = FrameCursor(UnsafeRawBufferPointer(rebasing: notice.dropFirst()))
    guard let type = try? cursor.openMessage(), type == .weights,
      let topic = try? cursor.string(maxBytes: Limits.labelBytes, "the topic"), topic != Weights.topicAll,
      topic != Weights.topicMilestone
    else { return }
    guard newcomers.isEmpty, newcomersAnswered < answersPerTurn, !merger.hasUnpublished else {
      guard newcomers.count < Limits.members else { return counters.newcomersDropped += 1 }
      return newcomers.append(topic)
    }
    newcomersAnswered += 1
    answer(topic, sink: sink)
  }

  private mutating func answer(_ topic: String, sink: some PublishingSink) {
    if topic.hasPrefix(Weights.milestonePrefix) {
      publishMilestone(topic: topic, sink: sink)
    } else {
      publish(topic: topic, sink: sink)
    }
  }

  /// The most answers in one turn of the loop: 16, and about 4 MB. Subscriptions are not limited
  /// otherwise, and each answer has all the weights.
  private var answersPerTurn: Int { max(1, min(16, (1 << 20) / max(1, state.values.count))) }

  /// Answers the new subscribers that wait, as many as a turn allows. A version has one content, so
  /// updates since the last one make a new one first.
  mutating func answerNewcomers(now: Instant, sink: some PublishingSink) {
    newcomersAnswered = min(newcomers.count, answersPerTurn)
    guard newcomersAnswered > 0 else { return }
    if merger.hasUnpublished { makeVersion(now: now, sink: sink) }
    for topic in newcomers.prefix(newcomersAnswered) { answer(topic, sink: sink) }
    newcomers.removeFirst(newcomersAnswered)
  }
}
