// The rows of a batch that one shard serves.

internal import Experience
internal import Foundations
internal import Wire

/// Rows `firstRow … firstRow + count − 1` of a batch, in the order in which they are drawn, and how
/// many of them have come.
struct BatchSlice {
  var shard: PeerID
  var firstRow: Int
  var count: Int
  /// The fraction of the batch that the shard was expected to serve when the batch was split; 1 for
  /// a single shard.
  var fraction: Double
  var askedAt: Instant
  /// The table's mass when the shard drew the rows.
  var mass = 0.0
  /// Items of the table at that time.
  var itemCount: UInt64 = 0
  /// The number of the request that the shard answered.
  var request: UInt64 = 0
  /// The shard's incarnation that drew the rows.
  var incarnation: Identifier?
  /// Other shards serve its rows, in later slices.
  var isMoved = false
  private(set) var rowsReceived = 0
  /// The number of the service's draw that the rows are of; 0 before the first.
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

  /// All its rows have come.
  var isWhole: Bool { rowsReceived == count || isMoved }

  mutating func reset() {
    rowsReceived = 0
    draw = 0
    partsSeen.removeAll(keepingCapacity: true)
  }

  /// Records a part of the answer; false if it is of an older draw, repeated, or has too many rows.
  /// A repeated request may be drawn twice: parts of a newer draw start over.
  mutating func accept(_ header: BatchHeader) -> Bool {
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
