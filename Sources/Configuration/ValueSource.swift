// The sources of values.

/// The layer that set a value; later cases win over earlier ones.
public enum ValueSource: Hashable, Sendable, CustomStringConvertible {
  /// The default: no layer set it.
  case standard
  /// The run's name, taken from its file's name.
  case fileName(String)
  case file(SourcePlace)
  /// An environment variable's name.
  case variable(String)
  /// The text after `--set`.
  case argument(String)

  /// As `config show` prints it.
  public var description: String {
    switch self {
    case .standard: "default"
    case .fileName(let file): "name of \(file)"
    case .file(let place): "\(place.file):\(place.line)"
    case .variable(let name): "env \(name)"
    case .argument(let text): "--set \(text)"
    }
  }

  /// The source as the place of a problem.
  public var place: String {
    if case .file(let place) = self { return place.description }
    return description
  }
}

/// One line of the effective configuration.
public struct ConfigurationEntry: Hashable, Sendable {
  /// The key's full path, as `replay.rate_limiter.min_size`.
  public var key: String
  /// The value, written as YAML.
  public var value: String
  /// The layer that set it.
  public var source: ValueSource

  public init(key: String, value: String, source: ValueSource) {
    self.key = key
    self.value = value
    self.source = source
  }
}
