// Lines of JSON.

internal import FoundationEssentials

/// Writes and reads one object per line. NaN and infinite numbers are the strings `NaN`, `Infinity`
/// and `-Infinity`.
public enum JSON {
  /// The object as a line, with its end.
  public static func line(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
    return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
  }

  /// The objects of a file, and the number of lines that hold none, as a crash may leave an
  /// incomplete line. A missing file holds nothing.
  public static func objects<Object: Decodable>(
    _ type: Object.Type, in path: String
  ) -> (objects: [Object], damagedLines: Int) {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
    var objects: [Object] = []
    var damaged = 0
    let contents = FileManager.default.contents(atPath: path) ?? Data()
    for line in contents.split(separator: UInt8(ascii: "\n")) {
      // A copy: the decoder wants data that starts at index 0.
      if let object = try? decoder.decode(type, from: Data(line)) {
        objects.append(object)
      } else {
        damaged += 1
      }
    }
    return (objects, damaged)
  }
}
