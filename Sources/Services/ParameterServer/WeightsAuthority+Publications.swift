// Publishes weights.

internal import Experience
internal import Wire

extension WeightsAuthority {
  /// Publishes the newest version.
  mutating func publish(topic: String, sink: some PublishingSink) {
    counters.publications += 1
    state.values.withUnsafeBytes { values in
      Weights(
        topic: topic, version: state.version, incarnation: incarnation, updates: state.updates,
        clock: state.clock, envSteps: state.envSteps.total, milestone: state.milestone?.version ?? 0,
        oldestUpdate: lastMerged.oldest,
        newestUpdate: lastMerged.newest, merged: state.merged, manifest: state.manifest, values: values
      ).encode(into: scratch)
    }
    sink.publish(scratch.bytes)
  }

  /// Publishes the newest milestone; nothing in a run without milestones.
  mutating func publishMilestone(topic: String, sink: some PublishingSink) {
    guard let milestone = state.milestone else { return }
    counters.publications += 1
    milestone.values.withUnsafeBytes { values in
      Weights(
        topic: topic, version: milestone.version, incarnation: incarnation, updates: state.updates,
        clock: milestone.clock, envSteps: state.envSteps.total, milestone: milestone.version, oldestUpdate: 0,
        newestUpdate: 0,
        merged: [], manifest: state.manifest, values: values
      ).encode(into: scratch)
    }
    sink.publish(scratch.bytes)
  }
}
