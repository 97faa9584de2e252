// Collects the steps of an actor's environments for a message.

internal import Algorithms
internal import Experience
internal import Wire

/// Rows of `count` environments, each environment's rows contiguous in a column:
/// `[environment][row]`. Every tick adds one row to each environment, so all streams have the same
/// index.
final class StepBuffer {
  let count: Int
  /// Rows that each environment may have.
  let capacity: Int
  private let rowBytes: [Int]
  private let observation: UnsafeMutableRawPointer
  private let action: UnsafeMutableRawPointer
  private let reward: UnsafeMutablePointer<Float>
  private let flag: UnsafeMutablePointer<UInt8>
  private let (observationBytes, actionBytes): (Int, Int)
  /// The policy's recorded fields: their columns, and the bytes of one row.
  private let recorded: [(column: UnsafeMutableRawPointer, bytes: Int)]
  private let columns: [UnsafeMutableRawPointer]
  private(set) var rows = 0
  /// The stream index of the first row.
  private(set) var firstIndex: UInt64 = 0
  private var views: [UnsafeRawBufferPointer]

  /// - Parameter schema: observation, action, reward, then the policy's fields
  ///   (`StepSchema.steps`).
  init(count: Int, schema: StepSchema, capacity: Int) {
    let indices = [StepSchema.observation, StepSchema.action, StepSchema.reward].map(schema.index)
    precondition(capacity > 0 && indices == [0, 1, 2], "not the schema of an environment's steps")
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

  /// Writes the part of the unfinished row that belongs to `range`; `setRewards` adds the reward.
  func append(
    range: Range<Int>, observations: UnsafeRawPointer, _ policy: PolicyRows, flags: UnsafePointer<UInt8>
  ) {
    precondition(rows < capacity)
    for environment in range {
      let row = environment * capacity + rows
      let source = environment - range.lowerBound
      copy(observations, source, to: observation, row, observationBytes)
      copy(policy.actions, source, to: action, row, actionBytes)
      // `setRewards` is not called for an episode's last row if its environment fails.
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
    // Most columns have one 4-byte value in a row: calling `memcpy` would cost more than the copy.
    if bytes == 4 {
      column.storeBytes(
        of: source.loadUnaligned(fromByteOffset: from * 4, as: UInt32.self), toByteOffset: row * 4,
        as: UInt32.self)
    } else {
      (column + row * bytes).copyMemory(from: source + from * bytes, byteCount: bytes)
    }
  }

  /// Completes the unfinished row, once every environment has written its part.
  func advance() { rows += 1 }

  /// Sets the rewards of the last complete row's actions.
  func setRewards(range: Range<Int>, _ rewards: UnsafePointer<Float>) {
    for environment in range {
      reward[environment * capacity + rows - 1] = rewards[environment - range.lowerBound]
    }
  }

  /// The flags of the row at a stream index; it may be the unfinished one.
  func flags(_ environment: Int, at index: UInt64) -> StepFlags {
    StepFlags(rawValue: flag[row(of: environment, at: index)])
  }

  /// Makes that row the last one of a truncated episode, which has no action and so no reward.
  func markLast(_ environment: Int, at index: UInt64) {
    let row = row(of: environment, at: index)
    flag[row] |= StepFlags.isLast.rawValue
    reward[row] = 0
  }

  private func row(of environment: Int, at index: UInt64) -> Int {
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

  /// Removes the rows; the stream index goes on.
  func clear() {
    firstIndex += UInt64(rows)
    rows = 0
  }
}
