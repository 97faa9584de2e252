// Makes sequences and records from an actor's rows.

internal import Experience

/// Makes an item of every `period`-th row and the `length − 1` rows after it, once the last is
/// there.
///
/// If sequences cross episodes, they start at stream indices that are multiples of the period. If
/// they are padded, they start at such indices within the episode, until one reaches the episode's
/// end. Items get the table's largest priority: R2D2's priority needs the errors of all rows, which
/// only a learner computes.
struct SequenceItems {
  private let length: Int
  private let period: Int
  private let isPadded: Bool
  /// The index of the current episode's first row, by environment.
  private var begins: [UInt64]
  /// No item starts before this row.
  private var cutIndex: UInt64 = 0
  var columns = ItemColumns()

  init(count: Int, length: Int, period: Int, episodes: SequenceEpisodes) {
    self.length = length
    self.period = period
    isPadded = episodes == .pad
    begins = Array(repeating: 0, count: count)
  }

  /// Completes the item that ends with the row at stream index `index`.
  mutating func observe(index: UInt64, range: Range<Int>, flags: UnsafePointer<UInt8>) {
    for environment in range {
      let flag = StepFlags(rawValue: flags[environment - range.lowerBound])
      if isPadded, flag.contains(.isFirst) { begins[environment] = index }
      let isComplete = completeWhole(environment, index: index)
      if isPadded, flag.contains(.isLast), !isComplete { completePadded(environment, index: index) }
    }
  }

  /// Completes the item that ends at `index`, after the row there became its episode's last one.
  mutating func truncate(_ environment: Int, index: UInt64) {
    guard isPadded, !endsWhole(environment, index: index) else { return }
    completePadded(environment, index: index)
  }

  mutating func drop(from index: UInt64) { columns.drop(from: index) }

  mutating func cut(at index: UInt64) {
    cutIndex = max(cutIndex, index)
    columns.cut(at: index)
  }

  /// The row from which items are counted: the episode's first one if padded, else the stream's.
  private func origin(_ environment: Int) -> UInt64 { isPadded ? begins[environment] : 0 }

  /// Whether a row is the last one of an item of full length.
  private func endsWhole(_ environment: Int, index: UInt64) -> Bool {
    let rows = index + 1 - origin(environment)
    return rows >= UInt64(length) && (rows - UInt64(length)) % UInt64(period) == 0
  }

  private mutating func completeWhole(_ environment: Int, index: UInt64) -> Bool {
    guard endsWhole(environment, index: index) else { return false }
    append(environment, first: index + 1 - UInt64(length), through: index)
    return true
  }

  /// Appends the first item that reaches the episode's end, unless its start lies beyond that end.
  private mutating func completePadded(_ environment: Int, index: UInt64) {
    let begin = origin(environment)
    let rows = index + 1 - begin
    let before = rows < UInt64(length) ? 0 : (rows - UInt64(length)) / UInt64(period) + 1
    let first = begin + before * UInt64(period)
    if first <= index { append(environment, first: first, through: index) }
  }

  private mutating func append(_ environment: Int, first: UInt64, through last: UInt64) {
    if first >= cutIndex { columns.append(environment, first: first, span: Int(last - first) + 1) }
  }
}

/// Makes an item of every row.
struct RecordItems {
  var columns = ItemColumns()

  mutating func observe(index: UInt64, range: Range<Int>) {
    for environment in range { columns.append(environment, first: index, span: 1) }
  }

  mutating func drop(from index: UInt64) { columns.drop(from: index) }
  mutating func cut(at index: UInt64) { columns.cut(at: index) }
}
