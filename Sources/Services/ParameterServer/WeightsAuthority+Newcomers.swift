// Newcomers to the weights.

internal import Experience
internal import Wire

extension WeightsAuthority {
  /// A subscription as XPUB reports it (1, then the prefix): a newcomer's own topic is answered
  /// with the current version.
  mutating func subscribed(_ notice: UnsafeRawBufferPointer, sink: some PublishingSink) {
    guard notice.count > 1, notice[0] == 1 else { return }
    var cursor = FrameCursor(UnsafeRawBufferPointer(rebasing: notice.dropFirst()))
    guard let type = try? cursor.openMessage(), type == .weights,
      let topic = try? cursor.string(maxBytes: Limits.labelBytes, "the topic"), topic != Weights.topicAll,
      topic != Weights.topicMilestone
    else { return }
    guard newcomers.isEmpty, newcomersAnswered < answersPerTurn else {
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

  /// Anybody may subscribe as often as he likes, and each answer is all the weights: between two
  /// turns at most 16 of them, and about 4 MB.
  private var answersPerTurn: Int { max(1, min(16, (1 << 20) / max(1, state.values.count))) }

  mutating func welcomeNewcomers(_ sink: some PublishingSink) {
    newcomersAnswered = min(newcomers.count, answersPerTurn)
    guard newcomersAnswered > 0 else { return }
    for topic in newcomers.prefix(newcomersAnswered) { answer(topic, sink: sink) }
    newcomers.removeFirst(newcomersAnswered)
  }
}
