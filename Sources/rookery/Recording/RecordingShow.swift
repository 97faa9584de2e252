// `rookery recording show`: the messages of a recording.

internal import Console
internal import Experience
internal import Foundations
internal import Recordings
internal import Wire

struct RecordingShow {
  private let path: String
  private let selection: RecordingSelection
  private let limit: Int
  private let isJSON: Bool

  /// `rookery recording show FILE [--from TIME] [--until TIME] [--actors a,b] [--limit N] [--json]`
  init(_ list: [String]) throws(UsageError) {
    let arguments = try Arguments(list, valued: ["limit"] + RecordingSelection.flags, plain: ["json"])
    guard arguments.positional.count == 1 else {
      throw UsageError(
        "expected rookery recording show FILE [--from TIME] [--until TIME] [--actors a,b] [--limit N] [--json]"
      )
    }
    path = arguments.positional[0]
    selection = try RecordingSelection(arguments)
    limit = try arguments.integer("limit", in: 1...1_000_000_000) ?? 20
    isJSON = arguments.has("json")
  }

  func execute() throws -> ExitCode {
    let reader = try RecordingReader(path: path)
    var messages = RecordingMessages(reader, selection)
    var shown = 0
    while shown < limit, let (source, entry) = messages.next() {
      let view = ShownMessage(
        source: source, description: reader.sources[source]!, entry: entry, beginning: reader.beginning ?? 0,
        insertion: messages.insertion)
      if isJSON {
        print(try JSON.line(MessageDocument(view)), terminator: "")
      } else {
        for line in view.lines { print(line) }
      }
      shown += 1
    }
    for damage in reader.damage { CommandLineInterface.complain("\(path): \(damage)") }
    return .success
  }
}

/// A message, or missed messages, with what is shown of them.
struct ShownMessage {
  var source: Int
  var description: RecordingSource
  var entry: RecordedEntry
  /// The time of the recording's first message.
  var beginning: Int64
  var insertion: Insertion

  /// Steps of a chunk, and items of a block, that are shown.
  private static let shownMax = 3

  func offset(_ time: Int64) -> Double { Double(time - beginning) / 1e9 }

  /// One line for the message, and below it its chunks and items.
  var lines: [String] {
    switch entry {
    case .missed(let missed):
      return [
        "\(Self.seconds(offset(missed.time))) source \(source): messages \(missed.numbers.lowerBound) to "
          + "\(missed.numbers.upperBound) were missed"
      ]
    case .message(let message):
      let head =
        "\(Self.seconds(offset(message.time))) source \(source) message \(message.number) of \(message.label): "
        + "\(insertion.stepCount) steps, \(insertion.itemCount) items"
      return [head] + insertion.chunks.indices.flatMap(chunkLines)
        + insertion.items.map { itemLine($0, message) }
    }
  }

  /// Microseconds are enough to tell messages apart.
  private static func seconds(_ value: Double) -> String {
    let micro = Int64((value * 1e6).rounded())
    let digits = String(abs(micro) % 1_000_000 + 1_000_000).dropFirst()
    return "\(micro < 0 ? "-" : "+")\(abs(micro) / 1_000_000).\(digits) s"
  }

  private func chunkLines(_ index: Int) -> [String] {
    let chunk = insertion.chunks[index]
    let end = chunk.firstIndex + UInt64(chunk.count)
    var lines = [
      "  stream \(chunk.stream), steps \(chunk.firstIndex) to \(end - 1), weights version \(chunk.weightsVersion)"
        + (chunk.isCut ? ", cut" : "")
    ]
    for step in 0..<min(chunk.count, Self.shownMax) {
      lines.append("    \(chunk.firstIndex + UInt64(step))  \(stepText(index, step))")
    }
    if chunk.count > Self.shownMax { lines.append("    …") }
    return lines
  }

  private func stepText(_ chunk: Int, _ step: Int) -> String {
    let values = description.schema.fields.enumerated().map { column, field in
      "\(field.name) \(FieldText.values(field, insertion.column(column, ofChunk: chunk), step: step))"
    }
    let flags = StepFlags(rawValue: insertion.column(insertion.columnsPerChunk - 1, ofChunk: chunk)[step])
    return (values + flags.names).joined(separator: "  ")
  }

  func tableName(_ table: Int) -> String {
    description.tables.indices.contains(table) ? description.tables[table].name : "\(table)"
  }

  private func itemLine(_ block: ItemBlock, _ message: Accepted) -> String {
    let items = (0..<min(block.count, Self.shownMax)).map { index in
      let item = block[index]
      return "stream \(item.stream) step \(item.firstIndex) + \(item.count)"
        + (item.priority.map { " priority \($0)" } ?? "")
    }
    let largest = message.priorities.indices.contains(block.table) ? message.priorities[block.table] : 1
    return "  table \(tableName(block.table)): \(block.count) items"
      + (block.priorities == nil ? ", which take the largest priority, \(largest) so far" : "")
      + (items.isEmpty ? "" : ": \(items.joined(separator: ", "))\(block.count > Self.shownMax ? ", …" : "")")
  }
}
