// Copies the steps of a draw into batch columns.

internal import Experience

extension ReplayStore {
  /// Writes rows `rows` of a draw's batch (all if nil): column c of `batchFields` into
  /// `buffers[c]`, row after row. `TableSchema.batchFields` says what each column means. A buffer
  /// may have any alignment, and more bytes than needed. Call it before the next insert, which may
  /// evict steps of the draw. O(bytes): each value is copied once, from the ring to its place.
  ///
  /// Throws `request` if buffers are missing or too small, or if steps of the draw (or frames of
  /// its stacks) have been evicted.
  public func gather(
    _ draw: Draw, table index: Int, rows: Range<Int>? = nil, into buffers: [UnsafeMutableRawBufferPointer]
  ) throws(ReplayStoreError) {
    let table = try self.table(index)
    let rows = rows ?? 0..<draw.count
    let ring = ring!
    try check(draw, index, rows, ring)
    let schema = table.configuration.schema
    try check(buffers, schema.batchFields(of: ring.schema), rows: rows.count)
    if rows.isEmpty { return }
    let isWhole =
      switch schema.kind {
      case .transition(let nStep, let discount):
        TransitionGatherer(ring, nStep: nStep, discount: discount, into: buffers).gather(draw, rows)
      case .sequence(let length, _, _):
        RowGatherer(ring, length: length, into: buffers).gather(draw, rows)
      case .record:
        RowGatherer(ring, length: 1, into: buffers).gather(draw, rows)
      }
    if !isWhole { throw .request("gather: expected all frames of the stacks, found some evicted") }
  }

  private func check(
    _ buffers: [UnsafeMutableRawBufferPointer], _ fields: [Field], rows: Int
  ) throws(ReplayStoreError) {
    guard buffers.count == fields.count else {
      throw .request("gather: expected \(fields.count) buffers, found \(buffers.count)")
    }
    for (field, buffer) in zip(fields, buffers) where buffer.count < field.byteCount * rows {
      throw .request("gather: \(field): expected \(field.byteCount * rows) bytes, found \(buffer.count)")
    }
  }

  /// Writes the version of the weights that chose the first action of each item that is trained on
  /// (`StalenessBound.contextSteps`), for rows `rows` (all if nil). Throws `schemaMissing`, or
  /// `request` as `gather`.
  public func gatherWeightsVersions(
    _ draw: Draw, rows: Range<Int>? = nil, into versions: UnsafeMutablePointer<UInt64>
  ) throws(ReplayStoreError) {
    let rows = rows ?? 0..<draw.count
    guard let ring else { throw .schemaMissing }
    try check(draw, draw.table, rows, ring)
    let context = try table(draw.table).configuration.staleness?.contextSteps ?? 0
    for (row, index) in rows.enumerated() {
      var slot = ring.slot(draw.keys[index])
      if context > 0 {
        var cursor = StepCursor(ring, position: draw.keys[index])
        for _ in 0..<min(context, Int(draw.spans[index]) - 1) { cursor.advance(ring) }
        slot = cursor.slot
      }
      versions[row] = ring.directory[ring.directory.number(of: ring.references[slot])].weightsVersion
    }
  }

  private func check(_ draw: Draw, _ table: Int, _ rows: Range<Int>, _ ring: StepRing)
    throws(ReplayStoreError)
  {
    guard draw.table == table else {
      throw .request("gather: expected a draw of table \(table), found \(draw.table)")
    }
    guard rows.lowerBound >= 0, rows.upperBound <= draw.count else {
      throw .request("gather: expected rows within 0..<\(draw.count), found \(rows)")
    }
    for index in rows where !ring.isLive(draw.keys[index]) {
      throw .request(
        "gather: expected steps that are still in the ring, found step \(draw.keys[index]) evicted")
    }
  }
}
