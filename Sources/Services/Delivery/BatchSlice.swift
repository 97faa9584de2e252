// What one shard gives of a batch.

internal import Experience
internal import Foundations
internal import Wire

/// Rows `firstRow … firstRow + count − 1` of a batch as it was drawn, which one shard is asked for, and how far they have come.
struct BatchSlice {
  var shard: PeerID
  var firstRow: Int
  var count: Int
  /// The part of the batch that was expected from the shard when it was split; 1 of a single shard.
  var fraction: Double
  var askedAt: Instant
  /// What the shard said with its rows.
  var mass = 0.0
  var itemCount: UInt64 = 0
  /// The incarnation of the shard that drew them.
  var incarnation: Identifier?
  /// It was given to other shards: its rows are in later shares.
  var isMoved = false
  private(set) var rowsReceived = 0
  /// The draw of the service that the rows are of; 0 before the first.
  private var draw: UInt64 = 0
  private var partsSeen: Set<Int> = []

  init(
    shard: PeerID = .service, firstRow: Int = 0, count: Int = 0, fraction: Double = 1,
    askedAt: Instant = .zero
  ) {
    self.shard = shard
    self.firstRow = firstRow
    self.count = count
    self.fraction = fraction
    self.askedAt = askedAt
  }

  /// All its rows are there.
  var isWhole: Bool { rowsReceived == count || isMoved }

  mutating func reset() {
    rowsReceived = 0
    draw = 0
    partsSeen.removeAll(keepingCapacity: true)
  }

  /// Whether a part is one of this answer and new. A repeated request may be drawn twice: parts of
  /// a newer draw start over, those of an older one are strays.
  mutating func takes(_ header: BatchHeader) -> Bool {
    if header.draw > draw {
      reset()
      draw = header.draw
    }
    guard header.draw == draw, rowsReceived + header.rows <= count else { return false }
    guard partsSeen.insert(header.part).inserted else { return false }
    mass = header.mass
    itemCount = header.itemCount
    rowsReceived += header.rows
    return true
  }
}
