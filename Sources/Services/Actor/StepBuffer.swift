// Steps of a batch of environments on their way into a message.

internal import Algorithms
internal import Experience
internal import Wire

/// Rows of `count` environments, each environment's column contiguous: `[environment][row]`. Every tick adds one row to each, so
/// all streams share one index.
final class StepBuffer {
  let count: Int
  /// Rows an environment can have here.
  let capacity: Int
  private let rowBytes: [Int]
  private let observation: UnsafeMutableRawPointer
  private let action: UnsafeMutableRawPointer
  private let reward: UnsafeMutablePointer<Float>
  private let flag: UnsafeMutablePointer<UInt8>
  private let (observationBytes, actionBytes): (Int, Int)
  /// What a policy records, and the bytes of a row of each.
  private let recorded: [(column: UnsafeMutableRawPointer, bytes: Int)]
  private let columns: [UnsafeMutableRawPointer]
  private(set) var rows = 0
  /// The stream index of the first row.
  private(set) var firstIndex: UInt64 = 0
  private var views: [UnsafeRawBufferPointer]

  /// - Parameters:
  ///   - schema: observation, action, reward, and what a policy records (`StepSchema.steps`).
  init(count: Int, schema: StepSchema, capacity: Int) {
    let place = [StepSchema.observation, StepSchema.action, StepSchema.reward].map(schema.index)
    precondition(capacity > 0 && place == [0, 1, 2], "not the schema of an environment's steps")
    self.count = count
    self.capacity = capacity
    rowBytes = schema.fields.map(\.byteCount) + [1]
    columns = rowBytes.map { bytes in
      .allocate(byteCount: max(64, bytes * count * capacity), alignment: 64)
    }
    (observation, action) = (columns[0], columns[1])
    (observationBytes, actionBytes) = (rowBytes[0], rowBytes[1])
    reward = columns[2].assumingMemoryBound(to: Float.self)
    recorded = (3..<schema.fields.count).map { [columns, rowBytes] in (columns[$0], rowBytes[$0]) }
    flag = columns[schema.fields.count].assumingMemoryBound(to: UInt8.self)
    views = Array(repeating: UnsafeRawBufferPointer(start: nil, count: 0), count: rowBytes.count)
  }

  deinit {
    for column in columns { column.deallocate() }
  }

  var isFull: Bool { rows == capacity }
  var nextIndex: UInt64 { firstIndex + UInt64(rows) }

  /// Adds a row of the environments in `range` to the unfinished row; the reward comes with `setRewards`.
  func append(
    range: Range<Int>, observations: UnsafeRawPointer, _ policy: PolicyRows, flags: UnsafePointer<UInt8>
  ) {
    precondition(rows < capacity)
    for environment in range {
      let row = environment * capacity + rows
      let source = environment - range.lowerBound
      copy(observations, source, to: observation, row, observationBytes)
      copy(policy.actions, source, to: action, row, actionBytes)
      // An episode's last row may never be told one.
      reward[row] = 0
      flag[row] = flags[source]
    }
    for (index, column) in recorded.enumerated() {
      for environment in range {
        copy(
          policy.recorded[index], environment - range.lowerBound, to: column.column,
          environment * capacity + rows, column.bytes)
      }
    }
  }

  @inline(__always)
  private func copy(
    _ source: UnsafeRawPointer, _ from: Int, to column: UnsafeMutableRawPointer, _ row: Int, _ bytes: Int
  ) {
    // Most columns are one 4-byte value a row: a call for each would cost more than the copy.
    if bytes == 4 {
      column.storeBytes(
        of: source.loadUnaligned(fromByteOffset: from * 4, as: UInt32.self), toByteOffset: row * 4,
        as: UInt32.self)
    } else {
      (column + row * bytes).copyMemory(from: source + from * bytes, byteCount: bytes)
    }
  }

  /// Every environment has its row.
  func advance() { rows += 1 }

  /// The rewards of the last row's actions.
  func setRewards(range: Range<Int>, _ rewards: UnsafePointer<Float>) {
    for environment in range {
      reward[environment * capacity + rows - 1] = rewards[environment - range.lowerBound]
    }
  }

  /// The flags of the row at a stream index; it may be the unfinished one.
  func flags(_ environment: Int, at index: UInt64) -> StepFlags {
    StepFlags(rawValue: flag[place(environment, index)])
  }

  /// Makes that row the last one of a truncated episode: it has no action, and so no reward.
  func markLast(_ environment: Int, at index: UInt64) {
    let row = place(environment, index)
    flag[row] |= StepFlags.isLast.rawValue
    reward[row] = 0
  }

  private func place(_ environment: Int, _ index: UInt64) -> Int {
    environment * capacity + Int(index - firstIndex)
  }

  /// Appends one chunk for each environment to a message.
  func encode(into frame: FrameWriter, weightsVersion: UInt64, isCut: Bool) {
    for environment in 0..<count {
      for (index, bytes) in rowBytes.enumerated() {
        views[index] = UnsafeRawBufferPointer(
          start: columns[index] + environment * capacity * bytes, count: rows * bytes)
      }
      let header = ChunkHeader(
        stream: UInt32(environment), firstIndex: firstIndex, count: rows, weightsVersion: weightsVersion,
        isCut: isCut)
      Insert.chunk(frame, header, columns: views)
    }
  }

  /// Starts over after the rows so far.
  func clear() {
    firstIndex += UInt64(rows)
    rows = 0
  }
}
