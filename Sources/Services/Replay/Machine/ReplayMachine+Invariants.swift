// What must always hold of the replay machine; for tests.

internal import Experience
internal import Foundations

extension ReplayMachine {
  /// The first thing that does not hold, or nil; of the store `ReplayStore.checkInvariants` tells. O(writers · what waits).
  func checkInvariants() -> String? {
    brokenWriter() ?? brokenSampler() ?? brokenQueue()
  }

  private func brokenWriter() -> String? {
    if writers.count > configuration.peersMax { return "\(writers.count) writers" }
    if writerHandles.count != writers.count {
      return "\(writerHandles.count) handles of \(writers.count) writers"
    }
    for (handle, writer) in writers {
      if writerHandles[writer.id] != handle { return "writer \(handle): not found by its id" }
      if departed[writer.id] != nil { return "writer \(handle): has left and is here" }
      if writer.committed > Self.sequenceMax { return "writer \(handle): committed \(writer.committed)" }
      let waiting = waitingInserts.entries.filter { $0.writer == handle }
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
      if writer.isAcknowledgementDue != acknowledgementsDue.contains(handle) {
        return "writer \(handle): an acknowledgement is due, or is not, against what is noted"
      }
    }
    for (peer, handle) in writerOfPeer where writers[handle]?.peer != peer {
      return "peer \(peer): writer \(handle) is elsewhere"
    }
    return nil
  }

  private func brokenSampler() -> String? {
    if samplers.count > configuration.peersMax { return "\(samplers.count) samplers" }
    for (peer, sampler) in samplers {
      let waiting = waitingSamples.count { $0.peer == peer } + warming.count { $0.waiting.peer == peer }
      if samplerPeers[sampler.id] != peer { return "sampler \(peer): not found by its id" }
      if sampler.waiting != waiting || waiting > configuration.credit {
        return "sampler \(peer): \(waiting) requests wait, counted \(sampler.waiting)"
      }
    }
    if samplerPeers.count != samplers.count {
      return "\(samplerPeers.count) ids of \(samplers.count) samplers"
    }
    if let lost = waitingSamples.first(where: { samplers[$0.peer] == nil }) {
      return "a request of \(lost.peer) waits, who is no sampler"
    }
    return warming.count > Self.warmingMax ? "\(warming.count) batches wait for the disk" : nil
  }

  private func brokenQueue() -> String? {
    let bytes = waitingInserts.entries.reduce(0) { $0 + $1.frame.count }
    if waitingInserts.bytes != bytes { return "\(bytes) bytes wait, counted \(waitingInserts.bytes)" }
    if waitingInserts.count > 1, bytes > configuration.waitingBytesMax { return "\(bytes) bytes wait" }
    if let lost = waitingInserts.entries.first(where: { writers[$0.writer] == nil }) {
      return "a message of writer \(lost.writer) waits, who is not here"
    }
    if insertBlock != nil, waitingInserts.isEmpty { return "inserts are blocked, but none waits" }
    return copies.count > Self.copiesKept ? "\(copies.count) copies" : nil
  }
}
