// A batch on the learner's side.

public import Experience
internal import Foundations
internal import Wire

/// What one request brought, in buffers that are used again: `batches` batches one after the other, `rows` rows in all.
///
/// The service draws in strata, so neighbouring rows are neighbours in the table: row r goes to batch r mod `batches`, and each batch
/// is a stratified draw of its own. Of several shards each draws some of the rows, one shard's after the other's.
public final class SampledBatch {
  public internal(set) var rows = 0
  /// Σ p^α and the items of the table at the draw; of several shards, of all together.
  public internal(set) var mass = 0.0
  public internal(set) var itemCount: UInt64 = 0
  public internal(set) var fields: [Field] = []
  public internal(set) var keys: UnsafeMutablePointer<UInt64>
  public internal(set) var probabilities: UnsafeMutablePointer<Float>
  public internal(set) var versions: UnsafeMutablePointer<UInt64>
  public internal(set) var columns: [UnsafeMutableRawPointer] = []
  /// Who draws which rows.
  var slices = [BatchSlice()]
  /// Batches, each of `rows / batches` rows.
  public let batches: Int
  let capacity: Int

  init(batch: Int, batches: Int) {
    self.batches = batches
    capacity = batch * batches
    keys = .allocate(capacity: capacity)
    probabilities = .allocate(capacity: capacity)
    versions = .allocate(capacity: capacity)
  }

  deinit {
    keys.deallocate()
    probabilities.deallocate()
    versions.deallocate()
    for column in columns { column.deallocate() }
  }

  /// The column of a field, or nil if the batch has none.
  public func column(_ name: String) -> UnsafeMutableRawPointer? {
    fields.firstIndex { $0.name == name }.map { columns[$0] }
  }

  /// Bytes of one row of a field; 0 if the batch has none.
  public func byteCount(of name: String) -> Int {
    fields.first { $0.name == name }?.byteCount ?? 0
  }

  func adopt(_ fields: [Field]) {
    guard fields != self.fields else { return }
    for column in columns { column.deallocate() }
    self.fields = fields
    columns = fields.map {
      UnsafeMutableRawPointer.allocate(byteCount: max(64, capacity * $0.byteCount), alignment: 64)
    }
  }

  /// One shard is to give all of it.
  func assignWhole(to shard: PeerID) {
    if slices.count != 1 { slices = [BatchSlice()] }
    slices[0].shard = shard
    slices[0].count = capacity
    slices[0].reset()
  }

  var isWhole: Bool { slices.allSatisfy(\.isWhole) }

  /// Why columns cannot be those of a share, where other shards have given rows already: one batch has one kind of columns.
  func mismatch(_ fields: [Field], of slice: Int) -> String? {
    guard slices.count > 1, fields != self.fields,
      slices.indices.contains(where: { $0 != slice && slices[$0].rowsReceived > 0 })
    else { return nil }
    return
      "columns: shards differ, one has \(self.fields.map(\.description)), another \(fields.map(\.description)); "
      + "start all from one configuration"
  }

  /// Takes a part of a share's answer. False if it has come already.
  func take(_ part: Batch, of slice: Int) -> Bool {
    let header = part.header
    guard slices[slice].takes(header) else { return false }
    let firstRow = slices[slice].firstRow + header.firstRow
    adopt(part.fields)
    rows = capacity
    mass = header.mass
    itemCount = header.itemCount
    copy(part.keys, to: keys, rowBytes: 8, firstRow, header.rows)
    copy(part.probabilities, to: probabilities, rowBytes: 4, firstRow, header.rows)
    copy(part.versions, to: versions, rowBytes: 8, firstRow, header.rows)
    for (index, field) in part.fields.enumerated() {
      copy(part.columns[index], to: columns[index], rowBytes: field.byteCount, firstRow, header.rows)
    }
    return true
  }

  /// Puts each row of a part where its batch has it.
  private func copy(
    _ source: UnsafeRawBufferPointer, to column: UnsafeMutableRawPointer, rowBytes: Int, _ firstRow: Int,
    _ rows: Int
  ) {
    guard let base = source.baseAddress else { return }
    if batches == 1 {
      (column + firstRow * rowBytes).copyMemory(from: base, byteCount: rows * rowBytes)
      return
    }
    for row in 0..<rows {
      (column + place(firstRow + row) * rowBytes).copyMemory(from: base + row * rowBytes, byteCount: rowBytes)
    }
  }

  /// Where a row is that was drawn as number `row`.
  func place(_ row: Int) -> Int { (row % batches) * (capacity / batches) + row / batches }

  /// Which item a row is of.
  func item(at place: Int) -> SampledRow? {
    let each = capacity / batches
    let drawn = (place % each) * batches + place / each
    let slice = slices.first {
      !$0.isMoved && drawn >= $0.firstRow && drawn < $0.firstRow + $0.count
    }
    return slice.map { SampledRow(shard: $0.shard, incarnation: $0.incarnation, key: keys[place]) }
  }
}

/// An item that was drawn, beyond the incarnation of its batch.
struct SampledRow: Hashable {
  var shard: PeerID
  /// The incarnation of the shard that drew it.
  var incarnation: Identifier?
  var key: UInt64
}
