// A sampled batch on the learner's side.

public import Experience
internal import Foundations
internal import Wire

/// The answer to one request, in buffers that are used again: `batches` batches one after the
/// other, `rows` rows in all.
///
/// The service draws in strata, so neighbouring rows are neighbours in the table. The r-th drawn
/// row goes to batch r mod `batches`: each batch is thus a stratified draw of its own. With several
/// shards, each draws a slice of the rows.
public final class SampledBatch {
  /// Rows of all batches; 0 before the first answer.
  public internal(set) var rows = 0
  /// Σ p^α of the table at the draw; of several shards, the sum of the last ones known.
  public internal(set) var mass = 0.0
  /// Items of the table, likewise.
  public internal(set) var itemCount: UInt64 = 0
  /// The columns' fields; empty before the first answer.
  public internal(set) var fields: [Field] = []
  /// A key for each row.
  public internal(set) var keys: UnsafeMutablePointer<UInt64>
  /// P(i) for each row.
  public internal(set) var probabilities: UnsafeMutablePointer<Float>
  /// The weights version that acted, for each row.
  public internal(set) var versions: UnsafeMutablePointer<UInt64>
  /// A column for each field: `rows` rows of `byteCount` bytes each.
  public internal(set) var columns: [UnsafeMutableRawPointer] = []
  /// Which shard serves which rows.
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

  /// Makes one slice of all rows.
  func assignWhole(to shard: PeerID) {
    if slices.count != 1 { slices = [BatchSlice()] }
    slices[0].shard = shard
    slices[0].count = capacity
    slices[0].reset()
  }

  var isWhole: Bool { slices.allSatisfy(\.isWhole) }

  /// Why columns cannot belong to a slice, if another shard's rows have come with other columns;
  /// nil if they can.
  func mismatch(_ fields: [Field], of slice: Int) -> String? {
    guard slices.count > 1, fields != self.fields,
      slices.indices.contains(where: { $0 != slice && slices[$0].rowsReceived > 0 })
    else { return nil }
    return
      "columns: shards differ, one has \(self.fields.map(\.description)), another \(fields.map(\.description)); "
      + "start all from one configuration"
  }

  /// Copies a part of a slice's answer into the batch. False if the part is not new.
  func accept(_ part: Batch, of slice: Int) -> Bool {
    let header = part.header
    guard slices[slice].accept(header) else { return false }
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

  /// Copies each row to its index in the batch.
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
      let index = index(ofDrawn: firstRow + row)
      (column + index * rowBytes).copyMemory(from: base + row * rowBytes, byteCount: rowBytes)
    }
  }

  /// The index of the row that was drawn as number `row`.
  func index(ofDrawn row: Int) -> Int { (row % batches) * (capacity / batches) + row / batches }

  /// The item of the row at an index; nil if no slice has it.
  func item(at index: Int) -> SampledRow? {
    let each = capacity / batches
    let drawn = (index % each) * batches + index / each
    let slice = slices.first {
      !$0.isMoved && drawn >= $0.firstRow && drawn < $0.firstRow + $0.count
    }
    return slice.map { SampledRow(shard: $0.shard, incarnation: $0.incarnation, key: keys[index]) }
  }
}

/// A drawn item; it stays known after its batch's buffers are used again.
struct SampledRow: Hashable {
  var shard: PeerID
  /// The shard's incarnation that drew it.
  var incarnation: Identifier?
  var key: UInt64
}
