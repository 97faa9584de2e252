// The JSON header of a safetensors file.

internal import FoundationEssentials

/// The header's JSON object. Foundation's decoder bounds nesting and checks UTF-8;
/// `SafetensorsFile` checks the values.
///
///     {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, "__metadata__": {…}}
struct SafetensorsHeader: Codable {
  static let metadataKey = "__metadata__"

  struct Tensor: Codable {
    var dtype: String
    var shape: [Int]
    var offsets: [Int]

    enum CodingKeys: String, CodingKey {
      case dtype
      case shape
      case offsets = "data_offsets"
    }
  }

  private struct Key: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  var metadata: [String: String]
  var tensors: [String: Tensor]

  init(metadata: [String: String], tensors: [String: Tensor]) {
    self.metadata = metadata
    self.tensors = tensors
  }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    metadata = [:]
    tensors = [:]
    for key in container.allKeys {
      if key.stringValue == Self.metadataKey {
        metadata = try container.decode([String: String].self, forKey: key)
      } else {
        tensors[key.stringValue] = try container.decode(Tensor.self, forKey: key)
      }
    }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    if !metadata.isEmpty { try container.encode(metadata, forKey: Key(stringValue: Self.metadataKey)) }
    for (name, tensor) in tensors { try container.encode(tensor, forKey: Key(stringValue: name)) }
  }

  /// Parses JSON; a failure's text says where.
  static func parse(_ json: [UInt8]) -> Result<SafetensorsHeader, Malformed> {
    do {
      return .success(try JSONDecoder().decode(SafetensorsHeader.self, from: Data(json)))
    } catch let error as DecodingError {
      return .failure(Malformed(error))
    } catch {
      return .failure(Malformed(reason: "\(error)"))
    }
  }

  /// The JSON with sorted keys, padded with spaces to a multiple of 8 bytes, so that the data is
  /// aligned.
  func serialized() throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    var json = Array(try encoder.encode(self))
    while json.count % 8 != 0 { json.append(UInt8(ascii: " ")) }
    return json
  }

  /// A header that is not the expected JSON.
  struct Malformed: Error {
    var reason: String

    init(reason: String) { self.reason = reason }

    init(_ error: DecodingError) {
      let context: DecodingError.Context
      switch error {
      case .dataCorrupted(let found): context = found
      case .keyNotFound(let key, let found):
        let path = Self.text(found.codingPath)
        self.init(reason: "no \(key.stringValue)\(path)")
        return
      case .typeMismatch(_, let found), .valueNotFound(_, let found): context = found
      @unknown default:
        self.init(reason: "\(error)")
        return
      }
      self.init(reason: "\(context.debugDescription)\(Self.text(context.codingPath))")
    }

    private static func text(_ path: [any CodingKey]) -> String {
      path.isEmpty ? "" : " at \(path.map(\.stringValue).joined(separator: "."))"
    }
  }
}
