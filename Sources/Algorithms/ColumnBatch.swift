// A batch for a learning rule: columns by name.

public import Experience

/// Views of rows of a sampled batch. Its maker keeps the memory alive for the call.
public struct ColumnBatch {
  /// The number of rows.
  public var count: Int
  /// Importance weights `[count]`, or nil for 1 everywhere.
  public var importanceWeights: UnsafePointer<Float>?
  private let fields: [Field]
  private let columns: [UnsafeMutableRawPointer]
  private let firstRow: Int

  /// - Parameters:
  ///   - columns: each field's column, from its row 0.
  ///   - firstRow: the row of `columns` where the batch starts.
  public init(
    fields: [Field], columns: [UnsafeMutableRawPointer], firstRow: Int = 0, count: Int,
    importanceWeights: UnsafePointer<Float>? = nil
  ) {
    self.fields = fields
    self.columns = columns
    self.firstRow = firstRow
    self.count = count
    self.importanceWeights = importanceWeights
  }

  /// The column of a field, `[count] + shape`, or nil if the batch has none of that name.
  public subscript(name: String) -> UnsafeRawPointer? {
    guard let index = fields.firstIndex(where: { $0.name == name }) else { return nil }
    return UnsafeRawPointer(columns[index]) + firstRow * fields[index].byteCount
  }

  /// The column of a field that must have this type and number of elements in a row.
  /// - Throws: `BatchError.column` if it is missing or differs.
  public func column(
    _ name: String, _ dtype: DType, elements: Int = 1
  ) throws(BatchError) -> UnsafeRawPointer {
    guard let field = fields.first(where: { $0.name == name }), field.dtype == dtype,
      field.byteCount == elements * dtype.byteCount, let column = self[name]
    else { throw .column(name, expected: "\(elements) × \(dtype)", found: fields.map(\.description)) }
    return column
  }

  /// A batch of one of the rows.
  public func row(_ row: Int) -> ColumnBatch {
    ColumnBatch(
      fields: fields, columns: columns, firstRow: firstRow + row, count: 1,
      importanceWeights: importanceWeights.map { $0 + row })
  }
}

/// A batch that cannot be trained on.
public enum BatchError: Error, Hashable, CustomStringConvertible {
  /// The number of rows is not 1 to `batchMax`.
  case count(Int, batchMax: Int)
  /// A column is missing, or has another type or size.
  case column(String, expected: String, found: [String])
  /// An action is not 0 to `actions` − 1.
  case action(Int32, row: Int, actions: Int)
  /// The buffer for new priorities is too small.
  case priorityBuffer(Int, rows: Int)

  public var description: String {
    switch self {
    case .count(let count, let batchMax): "batch: expected 1 to \(batchMax) rows, found \(count)"
    case .column(let name, let expected, let found):
      "column '\(name)': expected \(expected), found the columns \(found.joined(separator: ", "))"
    case .action(let action, let row, let actions):
      "action of row \(row): expected 0 to \(actions - 1), found \(action)"
    case .priorityBuffer(let count, let rows): "priorities: expected room for \(rows), found \(count)"
    }
  }
}
