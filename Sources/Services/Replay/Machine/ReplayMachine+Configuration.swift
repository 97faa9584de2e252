// What a replay machine is told, and what it counts.

public import Foundations
public import ReplayStore

extension ReplayMachine {
  public struct Configuration: Sendable {
    public var store: ReplayStoreConfiguration
    /// Insert messages, or sample requests, that a peer may have unanswered.
    public var credit = 256
    /// Bytes of insert messages that a writer may have unanswered: one message may always be.
    public var creditBytes = 32 << 20
    /// Batches beyond this are sent in parts, so that one does not hold up acknowledgements.
    public var partBytes = 1 << 20
    /// A request for more is refused, unless it is for one row: all of an answer is in memory while
    /// it is sent.
    public var answerBytesMax = 256 << 20
    /// Writers, and samplers, that are remembered: four times as many as were measured; each takes
    /// some hundred bytes. Where there are more, one that has brought or asked nothing yet makes
    /// room for a newcomer.
    public var peersMax = 4096
    /// Where all have brought something, one that has been silent for this long makes room: twice a
    /// writer's patience, after which it has given its messages up.
    public var peerReplaceableAfter = Instant.Span.seconds(60)
    /// A writer or sampler that is silent for this long is forgotten. Much longer than a writer's own patience: it drops its
    /// unacknowledged messages first, so none can come twice.
    public var peerGoneAfter = Instant.Span.seconds(600)
    /// Bytes of insert messages that may wait here, of all writers together. What comes beyond is answered `busy` and comes again;
    /// one message is always kept, so that it goes on.
    public var waitingBytesMax = 256 << 20
    /// A writer that has been silent for longer takes no part in quotas: the others share what it leaves. Actors send at least every
    /// 50 ms while they step.
    public var writerActiveFor = Instant.Span.seconds(2)
    /// Memory that the store may take, in bytes, and room on its disk; a schema that needs more is refused.
    public var memoryMax = Int.max
    public var diskMax = Int.max
    /// Where snapshots go; nil refuses them. One of the name N is in the folder N there, each shard's under its number.
    public var snapshotFolder: String?
    public var shard = 1
    /// A snapshot that it begins with, with `memory` storage.
    public var beginning: String?
    /// Steps that are in doubt are checked before it serves, about so many bytes of them; the rest
    /// while it does.
    public var bytesVerified = Int.max

    public init(store: ReplayStoreConfiguration) {
      self.store = store
    }
  }

  public struct Counters: Sendable {
    public var messagesCommitted: UInt64 = 0
    public var messagesRepeated: UInt64 = 0
    public var messagesAhead: UInt64 = 0
    public var messagesRefused: UInt64 = 0
    public var messagesBlocked: UInt64 = 0
    /// Messages that waited as their writer owned more of the ring than its share.
    public var messagesOverQuota: UInt64 = 0
    /// Messages that were not kept, as too many bytes waited.
    public var messagesOverBudget: UInt64 = 0
    public var batchesServed: UInt64 = 0
    public var batchesUndelivered: UInt64 = 0
    public var requestsRepeated: UInt64 = 0
    /// Requests that were dropped, as their sampler's connection is closed.
    public var requestsOfGone: UInt64 = 0
    /// Writers and samplers that made room for newcomers.
    public var peersReplaced: UInt64 = 0
    public var prioritiesApplied: UInt64 = 0
    public var prioritiesGone: UInt64 = 0
    public var prioritiesRefused: UInt64 = 0
    public var malformed: UInt64 = 0
    /// Messages refused as the disk was full; they come again.
    public var messagesWithoutRoom: UInt64 = 0
    /// Items of batches that were evicted while their steps were read from the disk.
    public var itemsDrawnAnew: UInt64 = 0
    public var steps: UInt64 = 0
    public var items: UInt64 = 0
    public var itemsStale: UInt64 = 0
  }
}
