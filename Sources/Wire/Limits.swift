// The bounds of what a message may hold.

/// Checked before anything is allocated.
public enum Limits {
  public static let labelBytes = 128
  public static let nameBytes = 64
  public static let textBytes = 4096
  public static let tables = 16
  public static let dimensions = 8
  /// Chunks and item blocks of one insert message.
  public static let chunksPerMessage = 1 << 16
  public static let itemBlocksPerMessage = 16
  /// Steps of one insert message.
  public static let stepsPerMessage = 1 << 24
  /// Items of one batch request.
  public static let batchItems = 1 << 20
  public static let batchParts = 1 << 16
  public static let tensors = 4096
  public static let members = 1024
  public static let counters = 512
  /// Processes that the parameter server keeps the last report of: as many actors as one run has
  /// been seen with, four times over.
  public static let processes = 1024
  /// Counters of all of them, at some 100 bytes each: 64 for each process, where the services have
  /// 20 to 40.
  public static let boardCounters = 1 << 16
  /// Evaluations that it keeps, and that one STATUS holds.
  public static let evaluations = 4096
  public static let evaluationsPerStatus = 256
  /// Counters that STATUS? may ask for by name.
  public static let countersAsked = 32
  /// Of the processes in a STATUS; those beyond are only counted. Four of these wait for a reader
  /// that does not read.
  public static let statusBytes = 256 << 10
  /// Sequence numbers, versions, indices, counts and times: adding to one never overflows, whoever sent it.
  public static let number: UInt64 = 1 << 62
  /// Of INSPECTION: largest priorities of a table, writers, histograms.
  public static let topItems = 1000
  public static let writersShown = 256
  public static let histograms = 16
  /// Of a rate limiter's error, either way: such that sums stay finite.
  public static let limiterError = 1e30
  public static let nStep = 1 << 16
  /// Shards of a replay.
  public static let shards = 1024
  /// Steps of one sequence, and from one to the next.
  public static let sequenceLength = 1 << 16
  public static let sequencePeriod = 1 << 30
  /// Larger frames are cut off by the socket: one batch part, one insert, or one set of weights.
  public static let frameBytes = 1 << 30
}
