// A batch on the learner's side.

public import Experience
internal import Wire

/// What one request brought, in buffers that are used again: `batches` batches one after the other, `rows` rows in all.
///
/// The service draws in strata, so neighbouring rows are neighbours in the table: row r goes to batch r mod `batches`, and each batch
/// is a stratified draw of its own.
public final class SampledBatch {
  public internal(set) var rows = 0
  public internal(set) var mass = 0.0
  public internal(set) var itemCount: UInt64 = 0
  public internal(set) var fields: [Field] = []
  public internal(set) var keys: UnsafeMutablePointer<UInt64>
  public internal(set) var probabilities: UnsafeMutablePointer<Float>
  public internal(set) var versions: UnsafeMutablePointer<UInt64>
  public internal(set) var columns: [UnsafeMutableRawPointer] = []
  /// The life of the service that drew it.
  var incarnation: Identifier?
  /// Batches, each of `rows / batches` rows.
  public let batches: Int
  let capacity: Int
  var rowsReceived = 0
  var partsSeen: Set<Int> = []

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

  func reset() {
    rowsReceived = 0
    partsSeen.removeAll(keepingCapacity: true)
  }

  func take(_ part: Batch) {
    let header = part.header
    adopt(part.fields)
    rows = header.batchRows
    mass = header.mass
    itemCount = header.itemCount
    copy(part.keys, to: keys, rowBytes: 8, header)
    copy(part.probabilities, to: probabilities, rowBytes: 4, header)
    copy(part.versions, to: versions, rowBytes: 8, header)
    for (index, field) in part.fields.enumerated() {
      copy(part.columns[index], to: columns[index], rowBytes: field.byteCount, header)
    }
    rowsReceived += header.rows
  }

  /// Puts each row of a part where its batch has it.
  private func copy(
    _ source: UnsafeRawBufferPointer, to column: UnsafeMutableRawPointer, rowBytes: Int, _ header: BatchHeader
  ) {
    guard let base = source.baseAddress else { return }
    if batches == 1 {
      (column + header.firstRow * rowBytes).copyMemory(from: base, byteCount: header.rows * rowBytes)
      return
    }
    let rowsPerBatch = capacity / batches
    for row in 0..<header.rows {
      let drawn = header.firstRow + row
      let place = (drawn % batches) * rowsPerBatch + drawn / batches
      (column + place * rowBytes).copyMemory(from: base + row * rowBytes, byteCount: rowBytes)
    }
  }
}
