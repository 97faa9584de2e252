// libyaml's event parser.

internal import CYAML

/// An event of libyaml's parser.
enum YAMLEvent {
  case documentStart
  case documentEnd
  case streamStart
  case streamEnd
  case alias(String)
  case scalar(String, plain: Bool, anchor: String?, tag: String?)
  case sequenceStart(anchor: String?, tag: String?)
  case sequenceEnd
  case mappingStart(anchor: String?, tag: String?)
  case mappingEnd
}

/// Reads the events of a text. Owns the C parser, whose address must not change.
struct YAMLEvents: ~Copyable {
  let file: String
  private let parser: UnsafeMutablePointer<yaml_parser_t>

  /// - Parameter text: must stay valid for the lifetime of this value.
  init(_ text: UnsafeBufferPointer<UInt8>, file: String) throws(ConfigurationError) {
    self.file = file
    parser = .allocate(capacity: 1)
    guard yaml_parser_initialize(parser) == 1 else {
      parser.deallocate()
      let place = SourcePlace(file: file, line: 1, column: 1).description
      throw ConfigurationError(
        ConfigurationProblem(place: place, expected: "memory for a YAML parser", found: "none left"))
    }
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    yaml_parser_set_input_string(parser, text.baseAddress, text.count)
  }

  deinit {
    yaml_parser_delete(parser)
    parser.deallocate()
  }

  /// The next event and where it starts; throws on malformed text.
  mutating func next() throws(ConfigurationError) -> (YAMLEvent, SourcePlace) {
    var event = yaml_event_t()
    guard yaml_parser_parse(parser, &event) == 1 else { throw syntaxError() }
    defer { yaml_event_delete(&event) }
    return (Self.convert(event), place(event.start_mark))
  }

  private func place(_ mark: yaml_mark_t) -> SourcePlace {
    SourcePlace(file: file, line: mark.line + 1, column: mark.column + 1)
  }

  private static func convert(_ event: yaml_event_t) -> YAMLEvent {
    switch event.type {
    case YAML_STREAM_START_EVENT: return .streamStart
    case YAML_DOCUMENT_START_EVENT: return .documentStart
    case YAML_DOCUMENT_END_EVENT: return .documentEnd
    case YAML_ALIAS_EVENT: return .alias(text(event.data.alias.anchor) ?? "")
    case YAML_SCALAR_EVENT:
      let scalar = event.data.scalar
      let value = String(
        decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
      let plain = scalar.style == YAML_PLAIN_SCALAR_STYLE
      return .scalar(value, plain: plain, anchor: text(scalar.anchor), tag: text(scalar.tag))
    case YAML_SEQUENCE_START_EVENT:
      let start = event.data.sequence_start
      return .sequenceStart(anchor: text(start.anchor), tag: text(start.tag))
    case YAML_SEQUENCE_END_EVENT: return .sequenceEnd
    case YAML_MAPPING_START_EVENT:
      let start = event.data.mapping_start
      return .mappingStart(anchor: text(start.anchor), tag: text(start.tag))
    case YAML_MAPPING_END_EVENT: return .mappingEnd
    default: return .streamEnd
    }
  }

  private static func text(_ bytes: UnsafeMutablePointer<yaml_char_t>?) -> String? {
    bytes.map { String(decodingCString: $0, as: UTF8.self) }
  }

  private func syntaxError() -> ConfigurationError {
    let state = parser.pointee
    let problem = state.problem.map { String(cString: $0) } ?? "malformed text"
    if state.error == YAML_READER_ERROR {
      let place = SourcePlace(file: file, line: state.mark.line + 1, column: state.mark.column + 1)
      return ConfigurationError(
        ConfigurationProblem(
          place: place.description, expected: "UTF-8 text",
          found: "\(problem) at byte \(state.problem_offset)"))
    }
    let context = state.context.map { " (\(String(cString: $0)))" } ?? ""
    return ConfigurationError(
      ConfigurationProblem(
        place: place(state.problem_mark).description, expected: "valid YAML",
        found: "an error: \(problem)\(context)",
        advice: "check indentation, colons and quotes around here"))
  }
}
