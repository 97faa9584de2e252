// The search for the only shard, with `replay.binding: own`.

public import Foundations
internal import Wire

extension ShardedSampler {
  /// Tells the search the learner's number, which says where it begins. Without a search it does
  /// nothing.
  public mutating func beginSearch(at place: Int, now: Instant) { search?.begin(at: place, now: now) }

  /// The shard that is held; nil without one, or without a search.
  public var heldShard: PeerID? { search?.shard }
  /// Its place in the list, from 1; 0 without one.
  public var heldShardNumber: Int { search?.number ?? 0 }

  /// Samples from the shard that the search has found.
  mutating func followSearch(now: Instant, sink: some FrameSink) {
    guard let search, search.shard != shards.first?.id else { return }
    use(search.shard.map { [$0] } ?? [], now: now, sink: sink)
  }

  /// Lets the search read a frame. True if it concerned only the search.
  mutating func search(
    _ frame: UnsafeRawBufferPointer, from shard: PeerID, now: Instant, sink: some FrameSink
  ) -> Bool {
    guard search != nil else { return false }
    let isAnswer = search?.receive(frame, from: shard, now: now, sink: sink) == true
    followSearch(now: now, sink: sink)
    return isAnswer || index(of: shard) == nil
  }
}
