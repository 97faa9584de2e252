// Consecutive steps of one stream.

/// What a chunk says of itself beside its columns.
public struct ChunkHeader: Hashable, Sendable {
  /// The writer's number for the environment whose steps these are.
  public var stream: UInt32
  /// The index in the stream of the chunk's first step; indices rise by one a step for the incarnation of the stream.
  public var firstIndex: UInt64
  /// Steps in the chunk, at least 1.
  public var count: Int
  /// The version of the weights that chose the actions.
  public var weightsVersion: UInt64
  /// The chunk starts neither an episode nor where the stream's last chunk ended: no item may span its start.
  public var isCut: Bool

  public init(stream: UInt32, firstIndex: UInt64, count: Int, weightsVersion: UInt64, isCut: Bool = false) {
    self.stream = stream
    self.firstIndex = firstIndex
    self.count = count
    self.weightsVersion = weightsVersion
    self.isCut = isCut
  }
}

/// An item as a writer names it: the steps that will be sampled together.
public struct Item: Hashable, Sendable {
  public var stream: UInt32
  /// The index in the stream of the item's first step.
  public var firstIndex: UInt64
  /// Steps that the item spans (n' + 1 for a transition).
  public var count: Int
  /// The raw priority; nil takes the table's current maximum.
  public var priority: Float?

  public init(stream: UInt32, firstIndex: UInt64, count: Int, priority: Float?) {
    self.stream = stream
    self.firstIndex = firstIndex
    self.count = count
    self.priority = priority
  }
}
