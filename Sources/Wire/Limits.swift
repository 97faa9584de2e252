// Bounds of a message's content.

/// The largest counts and sizes that a reader accepts. Readers check them before they allocate.
public enum Limits {
  /// UTF-8 bytes of a label, a service's name or a topic.
  public static let labelBytes = 128
  /// UTF-8 bytes of the name of a field, a table or a counter.
  public static let nameBytes = 64
  /// UTF-8 bytes of every other text, and of a tensor's name.
  public static let textBytes = 4096
  /// UTF-8 bytes of a run's configuration.
  public static let configurationBytes = 1 << 20
  /// Tables of a replay.
  public static let tables = 16
  /// Dimensions of a field or a tensor.
  public static let dimensions = 8
  /// Chunks, and item blocks, of one INSERT.
  public static let chunksPerMessage = 1 << 16
  public static let itemBlocksPerMessage = 16
  /// Steps of one INSERT.
  public static let stepsPerMessage = 1 << 24
  /// Items of one SAMPLE, and parts of its answer.
  public static let batchItems = 1 << 20
  public static let batchParts = 1 << 16
  /// Tensors of a model.
  public static let tensors = 4096
  /// Learners of a run.
  public static let members = 1024
  /// Counters of one process, and numbers of one table.
  public static let counters = 512
  /// Processes whose last report the parameter server keeps: four times the most actors that one
  /// run has been seen with.
  public static let processes = 1024
  /// Counters of all these processes together, about 100 bytes each. That is 64 for each process;
  /// the services have 20 to 40.
  public static let boardCounters = 1 << 16
  /// Evaluations that the parameter server keeps.
  public static let evaluations = 4096
  /// Evaluations in one STATUS.
  public static let evaluationsPerStatus = 256
  /// Counters that STATUS? may ask for by name.
  public static let countersAsked = 32
  /// Bytes of a STATUS for its processes; processes beyond are only counted. Four such answers may
  /// wait for a client that does not read.
  public static let statusBytes = 256 << 10
  /// Sequence numbers, versions, indices, counts and times. Adding to one never overflows 64 bits.
  public static let number: UInt64 = 1 << 62
  /// Largest priorities of a table in INSPECTION.
  public static let topItems = 1000
  /// Writers in INSPECTION.
  public static let writersShown = 256
  /// Histograms of a table in INSPECTION.
  public static let histograms = 16
  /// The magnitude of a rate limiter's error; sums of such errors stay finite.
  public static let limiterError = 1e30
  /// Steps of an n-step transition.
  public static let nStep = 1 << 16
  /// Shards of a replay, and incarnations in one TOTALS?.
  public static let shards = 1024
  /// Steps of one sequence, and steps between the starts of two.
  public static let sequenceLength = 1 << 16
  public static let sequencePeriod = 1 << 30
  /// Bytes of a frame; the socket closes a connection that sends a larger one.
  public static let frameBytes = 1 << 30
}
