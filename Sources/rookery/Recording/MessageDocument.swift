// A recorded message as JSON.

internal import Experience
internal import Recordings
internal import Wire

/// The object that `rookery recording show --json` prints for a message: all of it. Missed messages
/// have only `source`, `number`, `last` and the times.
struct MessageDocument: Encodable {
  struct Chunk: Encodable {
    var stream: UInt32
    var first_index: UInt64
    var count: Int
    var weights_version: UInt64
    var cut: Bool
    var flags: [UInt8]
    /// By field, the values of each step in row-major order.
    var steps: [String: [[Double]]]
  }
  struct ItemValue: Encodable {
    var stream: UInt32
    var first_index: UInt64
    var span: Int
    var priority: Float?
  }
  struct Items: Encodable {
    var table: String
    var items: [ItemValue]
  }

  var source: Int
  var number: UInt64
  /// The last of missed messages.
  var last: UInt64?
  /// Nanoseconds since 1970.
  var time: Int64
  /// Seconds after the recording's first message.
  var offset_s: Double
  var actor: String?
  var writer: String?
  /// By table, the largest so far.
  var priorities: [Float]?
  var chunks: [Chunk]?
  var items: [Items]?

  init(_ shown: ShownMessage) {
    source = shown.source
    switch shown.entry {
    case .missed(let missed):
      number = missed.numbers.lowerBound
      last = missed.numbers.upperBound
      time = missed.time
    case .message(let message):
      number = message.number
      time = message.time
      actor = message.label
      writer = "\(message.writer)"
      priorities = message.priorities
      chunks = shown.insertion.chunks.indices.map { Self.chunk($0, shown) }
      items = shown.insertion.items.map { block in
        Items(
          table: shown.tableName(block.table),
          items: (0..<block.count).map { index in
            let item = block[index]
            return ItemValue(
              stream: item.stream, first_index: item.firstIndex, span: item.count, priority: item.priority)
          })
      }
    }
    offset_s = shown.offset(time)
  }

  private static func chunk(_ index: Int, _ shown: ShownMessage) -> Chunk {
    let insertion = shown.insertion
    let header = insertion.chunks[index]
    var steps: [String: [[Double]]] = [:]
    for (column, field) in shown.description.schema.fields.enumerated() {
      let bytes = insertion.column(column, ofChunk: index)
      steps[field.name] = (0..<header.count).map {
        FieldText.elements(field, bytes, step: $0, limit: field.elementCount)
      }
    }
    return Chunk(
      stream: header.stream, first_index: header.firstIndex, count: header.count,
      weights_version: header.weightsVersion, cut: header.isCut,
      flags: Array(insertion.column(insertion.columnsPerChunk - 1, ofChunk: index)), steps: steps)
  }
}
