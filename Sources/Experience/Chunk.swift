// Consecutive steps of one stream.

/// A chunk without its columns.
public struct ChunkHeader: Hashable, Sendable {
  /// The writer's number for the environment whose steps these are.
  public var stream: UInt32
  /// The index in the stream of the chunk's first step. Indices rise by one with each step.
  public var firstIndex: UInt64
  /// Steps in the chunk, at least 1.
  public var count: Int
  /// The version of the weights that chose the actions.
  public var weightsVersion: UInt64
  /// The chunk neither begins an episode nor continues the stream's last chunk. No item spans its
  /// start.
  public var isCut: Bool

  public init(stream: UInt32, firstIndex: UInt64, count: Int, weightsVersion: UInt64, isCut: Bool = false) {
    self.stream = stream
    self.firstIndex = firstIndex
    self.count = count
    self.weightsVersion = weightsVersion
    self.isCut = isCut
  }
}

/// An item as a writer declares it: the steps that are sampled together.
public struct Item: Hashable, Sendable {
  /// The writer's number for the environment.
  public var stream: UInt32
  /// The index in the stream of the item's first step.
  public var firstIndex: UInt64
  /// Steps that the item spans (n' + 1 for a transition).
  public var count: Int
  /// The raw priority; nil takes the largest of the table.
  public var priority: Float?

  public init(stream: UInt32, firstIndex: UInt64, count: Int, priority: Float?) {
    self.stream = stream
    self.firstIndex = firstIndex
    self.count = count
    self.priority = priority
  }
}
