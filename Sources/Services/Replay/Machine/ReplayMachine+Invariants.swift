// Invariants of the replay machine, for tests.

internal import Experience
internal import Foundations

extension ReplayMachine {
  /// The first broken invariant, or nil; `ReplayStore.checkInvariants` checks the store.
  /// O(writers · waiting messages).
  func checkInvariants() -> String? {
    writers.checkInvariants() ?? brokenWriter() ?? samplers.checkInvariants() ?? brokenSampler()
      ?? brokenQueue()
  }

  private func brokenWriter() -> String? {
    if writers.count > configuration.peersMax { return "\(writers.count) writers" }
    for (handle, writer) in writers.all {
      if writer.committed > Self.sequenceMax { return "writer \(handle): committed \(writer.committed)" }
      let waiting = waitingInserts.all.filter { $0.writer == handle }
      if writer.waiting != waiting.count || waiting.count > configuration.credit {
        return "writer \(handle): \(waiting.count) messages wait, counted \(writer.waiting)"
      }
      let bytes = waiting.reduce(0) { $0 + $1.frame.count }
      if writer.waitingBytes != bytes || waiting.count > 1 && bytes > configuration.creditBytes {
        return "writer \(handle): \(bytes) bytes wait, counted \(writer.waitingBytes)"
      }
      // In order and without a gap, so that each can be committed in its turn.
      for (index, entry) in waiting.enumerated() where entry.sequence != writer.committed + UInt64(index) + 1
      {
        return "writer \(handle): committed \(writer.committed), message \(entry.sequence) waits at \(index)"
      }
    }
    return nil
  }

  private func brokenSampler() -> String? {
    if samplers.count > configuration.peersMax { return "\(samplers.count) samplers" }
    for (peer, sampler) in samplers.all {
      let waiting = waitingSamples.count(of: peer) + prefetch.count(of: peer)
      if sampler.waiting != waiting || waiting > configuration.credit {
        return "sampler \(peer): \(waiting) requests wait, counted \(sampler.waiting)"
      }
    }
    if let lost = waitingSamples.all.first(where: { samplers[$0.peer] == nil }) {
      return "a request of \(lost.peer) waits, which is no sampler"
    }
    return prefetch.count > PrefetchQueue.countMax ? "\(prefetch.count) batches wait for the disk" : nil
  }

  private func brokenQueue() -> String? {
    if let broken = waitingInserts.checkInvariants(bytesMax: configuration.waitingBytesMax) { return broken }
    if let lost = waitingInserts.all.first(where: { writers[$0.writer] == nil }) {
      return "a message of writer \(lost.writer) waits, which is not here"
    }
    return snapshotJobs.count > SnapshotJobs.countMax ? "\(snapshotJobs.count) snapshot jobs" : nil
  }
}
