// How large answers are.

internal import Experience
internal import ReplayStore
internal import Wire

/// What a request may ask for, and in how many frames it is answered. Before the schema is known,
/// only rows are bounded.
struct AnswerSizes {
  private let tables: [TableConfiguration]
  private let bytesMax: Int
  private let partBytes: Int
  /// Bytes of a row, by table; empty before the schema is known.
  private var rowBytes: [Int] = []

  init(_ configuration: ReplayMachine.Configuration) {
    tables = configuration.store.tables
    bytesMax = configuration.answerBytesMax
    partBytes = configuration.partBytes
  }

  /// - Parameter schema: nil while it is unknown.
  mutating func adopt(_ schema: StepSchema?) {
    guard let schema else { return rowBytes.removeAll() }
    rowBytes = tables.map { table in
      // The key (8 bytes), the probability (4) and the weights version (8).
      table.schema.batchFields(of: schema).reduce(20) { $0 + $1.byteCount }
    }
  }

  /// Why a request can never be answered; nil if it can.
  func problem(of request: SampleRequest) -> String? {
    guard request.table < tables.count else {
      return "expected a table below \(tables.count), found table \(request.table)"
    }
    let most = rowsMax(request.table)
    if request.count > 0, request.count <= most { return nil }
    let expected = "expected 1 to \(most) items of table '\(tables[request.table].schema.name)'"
    guard request.table < rowBytes.count, request.count > most else {
      return "\(expected), found \(request.count)"
    }
    return
      "\(expected), found \(request.count): items of \(rowBytes[request.table]) bytes each, but an answer "
      + "has at most \(bytesMax) bytes; ask for fewer"
  }

  /// The most items that one request to a table may ask for.
  func rowsMax(_ table: Int) -> Int {
    let most = tables[table].batchSizeMax
    guard table < rowBytes.count else { return most }
    return min(most, max(1, bytesMax / rowBytes[table]))
  }

  /// How an answer is sent: rows in each frame (a frame has about `partBytes` at most), number of
  /// frames, and bytes of all frames. The schema must be known.
  func parts(of request: SampleRequest) -> (rowsPerPart: Int, parts: Int, bytes: Int) {
    let bytes = rowBytes[request.table]
    let rowsPerPart = max(1, min(request.count, partBytes / bytes))
    return (rowsPerPart, (request.count + rowsPerPart - 1) / rowsPerPart, request.count * bytes)
  }
}
