// The rows that a learner does not train on again.

internal import Experience
internal import Foundations
internal import Glibc
internal import Numerics

/// Rows whose loss or gradient was not finite, by a checksum of what they hold: keys are positions
/// in one replay, and a row that a restarted replay or another shard serves must be known again.
/// Equal rows are left out together.
struct LeftOutRows {
  /// More than ten batches of 512, which a divergence leaves behind; beyond it the oldest are
  /// forgotten.
  static let countMax = 16_384

  private(set) var forgotten: UInt64 = 0
  /// The learner stopped as diverged, and has not trained since.
  var isAfterDivergence = false
  private var order: [UInt64] = []
  private var known: Set<UInt64> = []
  /// Where the oldest is in `order`, once that is full.
  private var oldest = 0

  var isEmpty: Bool { order.isEmpty }
  var count: Int { order.count }

  func contains(_ fingerprint: UInt64) -> Bool { known.contains(fingerprint) }

  mutating func insert(_ fingerprint: UInt64) {
    guard known.insert(fingerprint).inserted else { return }
    guard order.count == Self.countMax else { return order.append(fingerprint) }
    known.remove(order[oldest])
    order[oldest] = fingerprint
    oldest = (oldest + 1) % Self.countMax
    forgotten += 1
  }
}

extension LeftOutRows {
  private static let tensor = "fingerprints"
  private static let divergedKey = "diverged"

  /// What an earlier incarnation found; nothing if there is no file.
  /// - Throws: `SafetensorsError` or `SystemCallError` if it cannot be read.
  init(path: String) throws {
    self.init()
    guard access(path, F_OK) == 0 else { return }
    let file = try SafetensorsFile(path: path)
    for value in try file.integers(Self.tensor) { insert(UInt64(bitPattern: value)) }
    forgotten = 0
    isAfterDivergence = file.metadata[Self.divergedKey] == "true"
  }

  func write(to path: String) throws {
    var writer = SafetensorsWriter(metadata: [Self.divergedKey: isAfterDivergence ? "true" : "false"])
    let rows = (order[oldest...] + order[..<oldest]).map { Int64(bitPattern: $0) }
    try writer.add(Self.tensor, shape: [rows.count], rows)
    try writer.write(to: path)
  }
}

extension SampledBatch {
  /// A checksum of a row. What a transition's bootstrap would be taken from is not read where its
  /// discount is 0.
  func fingerprint(of row: Int) -> UInt64 {
    let discount = column(TableSchema.discount)?.assumingMemoryBound(to: Float.self)
    let isTerminal = discount.map { $0[row] == 0 } ?? false
    var hash: UInt64 = 0
    for (field, column) in zip(fields, columns) {
      if isTerminal, field.name == TableSchema.nextObservation { continue }
      let bytes = UnsafeRawBufferPointer(start: column + row * field.byteCount, count: field.byteCount)
      // An odd factor, so that equal columns do not cancel each other.
      hash = (hash ^ Checksum.of(bytes)) &* 0x9E37_79B9_7F4A_7C15
    }
    return hash
  }

  /// Zeros in all columns: nothing of the row can make a product infinite.
  func clear(_ row: Int) {
    for column in columns.indices {
      let size = fields[column].byteCount
      (columns[column] + row * size).initializeMemory(as: UInt8.self, repeating: 0, count: size)
    }
  }
}
