// Why the store refuses a call.

/// A refusal: what was expected and what was found. A call that throws has changed nothing.
public enum ReplayStoreError: Error, Hashable, Sendable {
  /// The configuration is invalid.
  case configuration(String)
  /// The schema cannot be stored, or differs from the adopted one.
  case schema(String)
  /// Memory or disk space is missing, or a file cannot be used.
  case storage(String)
  /// No schema has been adopted yet.
  case schemaMissing
  /// An insert message is invalid as a whole.
  case message(String)
  /// A chunk of an insert message is invalid; `index` is its number in the message.
  case chunk(index: Int, stream: UInt32, problem: String)
  /// An item of an insert message is invalid; `index` is its number in its block.
  case item(table: String, index: Int, problem: String)
  /// A sample, gather or priority request is invalid.
  case request(String)
  /// A table admits an insert or a sample only later. The reason is the limiter's inequality that
  /// does not hold, or that unread items would be lost.
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
