// The process that plays a recording.

/// `player`: which recording is played, and how.
public struct PlayerConfiguration: Hashable, Sendable {
  /// The file to play. With `rookery run` an empty value starts no player.
  public var recording = ""
  /// How fast it is played.
  public var speed = PlaySpeed.max
  /// Whether it begins again when it has ended.
  public var loop = false
  /// Seconds after the recording's first message from which and until which it is played; nil: from
  /// the beginning, to the end.
  public var from_s: Double?
  public var until_s: Double?
  /// Labels of the actors that are played; empty for all.
  public var actors: [String] = []

  public init() {}
}

/// How fast a recording is played.
public enum PlaySpeed: Hashable, Sendable {
  /// As fast as the replay accepts it.
  case max
  /// This many times as fast as it was recorded.
  case times(Double)

  /// `max`, or a factor as `1x` or `0.5x`; nil for other text.
  public init?(_ text: String) {
    if text == "max" {
      self = .max
      return
    }
    guard let factor = Double(text.hasSuffix("x") ? text.dropLast() : text[...]), factor > 0,
      factor <= 1e6
    else { return nil }
    self = .times(factor)
  }
}

extension PlaySpeed: CustomStringConvertible {
  public var description: String {
    switch self {
    case .max: "max"
    case .times(let factor): "\(YAMLText.number(factor))x"
    }
  }
}

extension PlayerConfiguration {
  mutating func read(_ reader: inout ConfigurationReader) {
    reader.string("recording", &recording, expected: "the path of a recording", where: { _ in true })
    reader.value(
      "speed", &speed, expected: "max, or a factor up to 1000000 as 1x or 10x",
      render: { YAMLText.string("\($0)") }, parse: { $0.string.flatMap(PlaySpeed.init) })
    reader.bool("loop", &loop)
    reader.optionalDouble("from_s", &from_s)
    reader.optionalDouble("until_s", &until_s)
    reader.names("actors", &actors, expected: "a list of labels, as [actor-1, actor-2]")
  }
}
