// The settings of a Gymnasium environment.

internal import Experience
public import Foundations

/// An environment by its Gymnasium id, and how to run it.
public struct GymnasiumConfiguration: Hashable, Sendable {
  /// The id for `gymnasium.make`: `LunarLander-v3`, or `module:Env-v0`, which imports the module
  /// first.
  public var id: String
  /// Keyword arguments for `gymnasium.make`, as a JSON object.
  public var arguments = "{}"
  /// The interpreter: a path, or a name that is looked up in `PATH`.
  public var python = "python3"
  /// The workers' environment variables; nil passes on this process's.
  public var variables: [String: String]?
  /// Worker processes of a pool; each steps a part of the environments.
  public var workers = 1
  /// A worker that does not answer for this long is ended, as it hangs.
  public var timeout = Instant.Span.seconds(30)
  /// Where the frames of environment 0 go as a GIF when the pool is closed; nil renders nothing.
  public var renderPath: String?

  /// The environment `id` with default settings.
  public init(id: String) {
    self.id = id
  }

  /// The timeout for making the environments: imports may take long.
  var setupTimeout: Instant.Span { max(timeout, .seconds(60)) }
}

extension GymnasiumConfiguration {
  /// A worker's instructions, as JSON.
  ///
  /// - Parameters:
  ///   - spec: the spec that its environments must have; nil to ask for it.
  ///   - slices: the worker's environments in each half; empty to ask for the spec only.
  ///   - columns: the layout of the shared memory.
  func setup(
    spec: EnvironmentSpec?, slices: [Range<Int>], columns: GymnasiumColumns, parent: Int32, renders: Bool
  ) -> String {
    func list(_ numbers: [Int]) -> String { "[" + numbers.map(String.init).joined(separator: ",") + "]" }
    let rows: [String] = slices.map { list([$0.lowerBound, $0.upperBound]) }
    var fields: [String] = []
    fields.append("\"parent\":\(parent)")
    fields.append("\"id\":" + Self.json(id))
    fields.append("\"arguments\":" + arguments)
    fields.append("\"render\":" + (renders ? renderPath.map(Self.json) ?? "null" : "null"))
    fields.append("\"shape\":" + (spec.map { list($0.observationShape) } ?? "null"))
    fields.append("\"type\":" + (spec.map { Self.json($0.observationType.name) } ?? "null"))
    fields.append("\"actions\":" + (spec?.actions.discreteCount.map(String.init) ?? "null"))
    fields.append("\"slices\":[" + rows.joined(separator: ",") + "]")
    fields.append("\"columns\":" + columns.json)
    return "{" + fields.joined(separator: ",") + "}"
  }

  /// A JSON string.
  private static func json(_ text: String) -> String {
    var result = "\""
    for unit in text.utf16 {
      switch unit {
      case 0x22, 0x5C: result += "\\" + String(UnicodeScalar(UInt8(unit)))
      case 0x20...0x7E: result += String(UnicodeScalar(UInt8(unit)))
      default:
        let digits = String(unit, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      }
    }
    return result + "\""
  }
}
