// Why the store refuses.

/// What was refused, with what was expected and what came. Nothing has changed when it is thrown.
public enum ReplayStoreError: Error, Hashable, Sendable {
  /// A configuration that cannot work.
  case configuration(String)
  /// A schema that cannot be stored or is not the one agreed.
  case schema(String)
  /// Memory or disk that cannot be had.
  case storage(String)
  /// No schema has been adopted yet.
  case schemaMissing
  /// An insert message as a whole.
  case message(String)
  /// A chunk of an insert message.
  case chunk(index: Int, stream: UInt32, problem: String)
  /// An item of an insert message.
  case item(table: String, index: Int, problem: String)
  /// A sample, gather or priority request.
  case request(String)
  /// What holds a table's insert or sample back: the limiter's inequality that does not hold, or items that nobody has
  /// read; may be asked again later.
  case blocked(table: Int, reason: String)
}

extension ReplayStoreError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .configuration(let problem): "configuration: \(problem)"
    case .schema(let problem): "schema: \(problem)"
    case .storage(let problem): "storage: \(problem)"
    case .schemaMissing: "schema: expected one to be adopted first, found none"
    case .message(let problem): "message: \(problem)"
    case .chunk(let index, let stream, let problem): "chunk \(index) (stream \(stream)): \(problem)"
    case .item(let table, let index, let problem): "table '\(table)', item \(index): \(problem)"
    case .request(let problem): "request: \(problem)"
    case .blocked(_, let reason): "blocked: \(reason)"
    }
  }
}
