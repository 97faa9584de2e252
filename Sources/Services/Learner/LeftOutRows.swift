// The rows that a learner does not train on again.

internal import Experience
internal import Foundations
internal import Glibc
internal import Numerics

/// Rows whose loss or gradient was not finite, by a checksum of their content. Keys are positions
/// in one replay, but a row must be recognised if a restarted replay or another shard serves it.
/// Equal rows are left out together.
struct LeftOutRows {
  /// More than the ten batches of 512 that a divergence leaves behind. Beyond it the oldest are
  /// forgotten.
  static let countMax = 16_384

  private(set) var forgotten: UInt64 = 0
  /// The learner diverged, and has not trained since.
  var isAfterDivergence = false
  private var order: [UInt64] = []
  private var known: Set<UInt64> = []
  /// The index of the oldest in `order` once that is full.
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

  /// Reads what an earlier incarnation found; empty if there is no file.
  /// - Throws: `SafetensorsError` or `SystemCallError` if the file cannot be read.
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
  /// A checksum of a row. If its discount is 0 the next observation is left out: the bootstrap does
  /// not read it.
  func fingerprint(of row: Int) -> UInt64 {
    let discount = column(TableSchema.discount)?.assumingMemoryBound(to: Float.self)
    let isTerminal = discount.map { $0[row] == 0 } ?? false
    var hash: UInt64 = 0
    for (field, column) in zip(fields, columns) {
      if isTerminal, field.name == TableSchema.nextObservation { continue }
      let bytes = UnsafeRawBufferPointer(start: column + row * field.byteCount, count: field.byteCount)
      // An odd factor keeps equal columns from cancelling each other.
      hash = (hash ^ Checksum.of(bytes)) &* 0x9E37_79B9_7F4A_7C15
    }
    return hash
  }

  /// Zeros all columns of a row, so that none of its values can make a product infinite.
  func clear(_ row: Int) {
    for column in columns.indices {
      let size = fields[column].byteCount
      (columns[column] + row * size).initializeMemory(as: UInt8.self, repeating: 0, count: size)
    }
  }
}
