// The replay machine's configuration and counters.

public import Foundations
public import ReplayStore

extension ReplayMachine {
  /// What a replay machine is configured with.
  public struct Configuration: Sendable {
    /// The store that the machine opens.
    public var store: ReplayStoreConfiguration
    /// Insert messages, or sample requests, that a peer may have unanswered.
    public var credit = 256
    /// Bytes of insert messages that a writer may have unanswered; one message is always allowed.
    public var creditBytes = 32 << 20
    /// Larger batches are sent in parts, in bytes, so that one does not delay acknowledgements.
    public var partBytes = 1 << 20
    /// A request for more bytes is refused, unless it is for one row: a whole answer is in memory
    /// while it is sent.
    public var answerBytesMax = 256 << 20
    /// The most writers, and the most samplers, that are remembered: four times as many as were
    /// measured. Each takes a few hundred bytes. At the limit, a client that has inserted or
    /// requested nothing yet makes room for a new one.
    public var peersMax = 4096
    /// If all have inserted or requested something, a client that has been silent for this long
    /// makes room. It is twice the time after which a writer drops its unacknowledged messages.
    public var peerReplaceableAfter = Instant.Span.seconds(60)
    /// Writers and samplers that are silent for this long are forgotten. A writer drops its
    /// unacknowledged messages much earlier, so none can be inserted twice.
    public var peerGoneAfter = Instant.Span.seconds(600)
    /// Bytes of insert messages of all writers that may wait here. Further messages are refused as
    /// `busy`, and their writers send them again. One message may always wait, so that inserts go
    /// on.
    public var waitingBytesMax = 256 << 20
    /// Writers that are silent for longer are left out of quotas: the other writers may use their
    /// part. Actors send at least every 50 ms while they step.
    public var writerActiveFor = Instant.Span.seconds(2)
    /// Memory that the store may take, in bytes; a schema that needs more is refused.
    public var memoryMax = Int.max
    /// Disk space that the store may take, in bytes.
    public var diskMax = Int.max
    /// The folder of snapshots; nil refuses them. The snapshot N of this shard is in `N/<shard>`.
    public var snapshotFolder: String?
    /// The number of this shard, from 1.
    public var shard = 1
    /// The table of which the shard takes one sampler at a time: the learner whose shard it is. Nil
    /// takes any number.
    public var exclusiveTable: String?
    /// How actors are paced, if a table's bound on staleness asks for it.
    public var pacing: PacingConfiguration?
    /// Whether accepted messages are published for recorders.
    public var isTapped = false
    /// Nanoseconds from the origin of `Instant` to 1970, for the times of the tap.
    public var wallClockAhead_ns: Int64 = 0
    /// The run's configuration as YAML, which recordings keep.
    public var runConfiguration = ""
    /// The path of a snapshot that a store in memory begins with; nil to begin empty.
    public var initialSnapshot: String?
    /// About this many bytes of steps in doubt are checked before the machine serves, the rest
    /// while it does.
    public var bytesVerified = Int.max

    public init(store: ReplayStoreConfiguration) {
      self.store = store
    }
  }

  /// What a replay machine has counted since its start; messages are inserts, requests are samples.
  public struct Counters: Sendable {
    /// Inserts committed to the store.
    public var messagesCommitted: UInt64 = 0
    /// Inserts that were committed or waited already.
    public var messagesRepeated: UInt64 = 0
    /// Messages after a gap, or beyond their writer's credit.
    public var messagesAhead: UInt64 = 0
    /// Inserts and HELLOs refused for their content.
    public var messagesRefused: UInt64 = 0
    /// Inserts that had to wait.
    public var messagesBlocked: UInt64 = 0
    /// Messages that waited because their writer owned more of the ring than its quota.
    public var messagesOverQuota: UInt64 = 0
    /// Messages refused because too many bytes waited.
    public var messagesOverBudget: UInt64 = 0
    /// Answers sent whole.
    public var batchesServed: UInt64 = 0
    /// Answers of which a frame could not be sent.
    public var batchesUndelivered: UInt64 = 0
    /// Requests that waited already.
    public var requestsRepeated: UInt64 = 0
    /// Requests dropped because their sampler's connection was closed.
    public var requestsOfGone: UInt64 = 0
    /// Learners that the shard was given to, one after the other.
    public var learners: UInt64 = 0
    /// Writers and samplers that were forgotten to make room for newcomers.
    public var peersReplaced: UInt64 = 0
    /// Priorities written to items.
    public var prioritiesApplied: UInt64 = 0
    /// Priorities of items that are gone.
    public var prioritiesGone: UInt64 = 0
    /// Priorities refused for their content or their sender.
    public var prioritiesRefused: UInt64 = 0
    /// Frames that could not be decoded.
    public var malformed: UInt64 = 0
    /// Messages refused because the disk was full; their writers send them again.
    public var messagesWithoutRoom: UInt64 = 0
    /// Items of batches that were evicted while their steps were read from the disk, and drawn
    /// again.
    public var itemsRedrawn: UInt64 = 0
    /// Steps inserted.
    public var steps: UInt64 = 0
    /// Items inserted.
    public var items: UInt64 = 0
    /// Items whose steps were gone when they were inserted.
    public var itemsStale: UInt64 = 0
    /// Items removed because their weights were too old, by the label of their writer; labels
    /// beyond the first thousand count as one.
    public var itemsOutdated: [String: UInt64] = [:]
    /// Steps that actors were granted.
    public var stepsGranted: UInt64 = 0
  }
}
