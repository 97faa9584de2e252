// Copies a draw's steps into batch columns.

internal import Experience

extension ReplayStore {
  /// Writes rows `rows` (all if nil) of a draw's batch: column c of `batchFields` into `buffers[c]`, row after row. A
  /// buffer may have any alignment and more bytes than needed. Call it before the next insert: the steps of a draw stay
  /// while nothing is evicted. O(bytes).
  ///
  /// Transition of n′ steps from t: the fields of step t with `reward` = Σ_{k<n′} γᵏ r_{t+k}, summed in float64 and rounded
  /// once; `discount` = γ^n′, or 0 if step t + n′ is terminal; `next_observation` = s_{t+n′}. (Sutton & Barto 2018, eq. 7.1.)
  ///
  /// Throws `request` if buffers are missing or too small, or steps of the draw are gone.
  public func gather(
    _ draw: Draw, table index: Int, rows: Range<Int>? = nil, into buffers: [UnsafeMutableRawBufferPointer]
  ) throws(ReplayStoreError) {
    let table = try self.table(index)
    let rows = rows ?? 0..<draw.count
    let ring = ring!
    try check(draw, index, rows, ring)
    switch table.configuration.schema.kind {
    case .transition(let nStep, let discount):
      let fields = table.configuration.schema.batchFields(of: ring.schema)
      guard buffers.count == fields.count else {
        throw .request("gather: expected \(fields.count) buffers, found \(buffers.count)")
      }
      for (field, buffer) in zip(fields, buffers) where buffer.count < field.byteCount * rows.count {
        throw .request(
          "gather: \(field): expected \(field.byteCount * rows.count) bytes, found \(buffer.count)")
      }
      if rows.isEmpty { return }
      TransitionGatherer(ring, nStep: nStep, discount: discount, into: buffers).gather(draw, rows)
    }
  }

  /// Writes the version of the weights that chose the first action of each of a draw's items (rows `rows`, all if nil).
  public func gatherWeightsVersions(
    _ draw: Draw, rows: Range<Int>? = nil, into versions: UnsafeMutablePointer<UInt64>
  ) throws(ReplayStoreError) {
    let rows = rows ?? 0..<draw.count
    guard let ring else { throw .schemaMissing }
    try check(draw, draw.table, rows, ring)
    for (row, index) in rows.enumerated() {
      let reference = ring.references[ring.slot(draw.keys[index])]
      versions[row] = ring.directory[ring.directory.number(of: reference)].weightsVersion
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
      throw .request("gather: expected steps that are still there, found \(draw.keys[index]) gone")
    }
  }
}

/// Copies transitions.
private struct TransitionGatherer {
  /// One column of the batch.
  struct Column {
    /// The field's first byte in slot 0, and from slot to slot.
    var source: UnsafeRawPointer
    var stride: Int
    var byteCount: Int
    var destination: UnsafeMutableRawPointer
    /// From the item's last step, not its first.
    var isNext: Bool
  }

  let ring: StepRing
  let columns: [Column]
  let rewardOffset: Int
  let rewards: UnsafeMutableRawPointer
  let discounts: UnsafeMutableRawPointer
  /// γ⁰ … γⁿ, in float64.
  let powers: [Double]

  init(_ ring: StepRing, nStep: Int, discount: Float, into buffers: [UnsafeMutableRawBufferPointer]) {
    self.ring = ring
    let schema = ring.schema
    let reward = schema.index(of: StepSchema.reward)!
    let observation = schema.index(of: StepSchema.observation)!
    guard case .row(let offset) = ring.layout.places[reward] else {
      preconditionFailure("a scalar in an arena")
    }
    rewardOffset = offset
    rewards = buffers[reward].baseAddress!
    discounts = buffers[schema.fields.count].baseAddress!
    var columns: [Column] = []
    for index in schema.fields.indices where index != reward {
      columns.append(ring.column(index, to: buffers[index].baseAddress!, isNext: false))
    }
    columns.append(ring.column(observation, to: buffers[schema.fields.count + 1].baseAddress!, isNext: true))
    self.columns = columns
    var powers = [1.0]
    for _ in 0..<nStep { powers.append(powers.last! * Double(discount)) }
    self.powers = powers
  }

  /// Rows ahead whose memory is asked for.
  static let ahead = 16

  func gather(_ draw: Draw, _ rows: Range<Int>) {
    draw.keys.withUnsafeBufferPointer { keys in
      draw.spans.withUnsafeBufferPointer { spans in
        columns.withUnsafeBufferPointer { columns in
          powers.withUnsafeBufferPointer { powers in
            for index in rows.lowerBound..<min(rows.lowerBound + Self.ahead, rows.upperBound) {
              prefetch(keys[index], Int(spans[index]))
            }
            for index in rows {
              if index + Self.ahead < rows.upperBound {
                prefetch(keys[index + Self.ahead], Int(spans[index + Self.ahead]))
              }
              gather(keys[index], Int(spans[index]) - 1, to: index - rows.lowerBound, columns, powers)
            }
          }
        }
      }
    }
  }

  @inline(__always)
  private func gather(
    _ key: UInt64, _ steps: Int, to row: Int, _ columns: UnsafeBufferPointer<Column>,
    _ powers: UnsafeBufferPointer<Double>
  ) {
    var cursor = StepCursor(ring, position: key)
    let first = cursor.slot
    var sum = 0.0
    for step in 0..<steps {
      sum += powers[step] * Double(ring.row(cursor.slot).load(fromByteOffset: rewardOffset, as: Float.self))
      cursor.advance(ring)
    }
    let last = cursor.slot
    let isTerminal = ring.flags(last).contains(.isTerminal)
    rewards.storeBytes(of: Float(sum), toByteOffset: row * 4, as: Float.self)
    discounts.storeBytes(of: isTerminal ? 0 : Float(powers[steps]), toByteOffset: row * 4, as: Float.self)
    for column in columns {
      let slot = column.isNext ? last : first
      copyBytes(
        column.destination + row * column.byteCount, column.source + slot * column.stride, column.byteCount)
    }
  }

  /// The steps of an item mostly lie one after the other.
  @inline(__always)
  private func prefetch(_ key: UInt64, _ span: Int) {
    let slot = ring.slot(key)
    let row = ring.row(slot)
    prefetchLine(ring.references + slot)
    prefetchLine(row)
    // Within a page or so behind the row: harmless where the ring or the chunk ends.
    prefetchLine(row + (span - 1) * ring.layout.rowStride)
  }
}

extension StepRing {
  /// Where a field's values come from and go to.
  fileprivate func column(_ field: Int, to destination: UnsafeMutableRawPointer, isNext: Bool)
    -> TransitionGatherer.Column
  {
    let bytes = layout.fields[field].byteCount
    switch layout.places[field] {
    case .row(let offset):
      return TransitionGatherer.Column(
        source: UnsafeRawPointer(rows) + offset, stride: layout.rowStride, byteCount: bytes,
        destination: destination, isNext: isNext)
    case .arena(let arena):
      return TransitionGatherer.Column(
        source: UnsafeRawPointer(largeArenas[arena]), stride: bytes, byteCount: bytes,
        destination: destination, isNext: isNext)
    }
  }
}
