// Finds repeated names in a JSON object.

internal import FoundationEssentials

/// Of two equal names, decoders keep one, but not all the same one. So files with repeated names
/// are refused.
enum SafetensorsNames {
  /// The first name that occurs twice in one object of `json`, which must be valid JSON; nil if
  /// none does.
  static func firstRepeated(in json: [UInt8]) -> String? {
    /// The names of each open object; nil for an array.
    var open: [Set<String>?] = []
    var index = 0
    while index < json.count {
      switch json[index] {
      case UInt8(ascii: "{"): open.append([])
      case UInt8(ascii: "["): open.append(nil)
      case UInt8(ascii: "}"), UInt8(ascii: "]"): _ = open.popLast()
      case UInt8(ascii: "\""):
        let end = closingQuote(json, after: index)
        if isName(json, after: end), let depth = open.indices.last, open[depth] != nil {
          let name = text(json[index...min(end, json.count - 1)])
          if open[depth]?.insert(name).inserted == false { return name }
        }
        index = end
      default: break
      }
      index += 1
    }
    return nil
  }

  private static func closingQuote(_ json: [UInt8], after start: Int) -> Int {
    var index = start + 1
    while index < json.count, json[index] != UInt8(ascii: "\"") {
      index += json[index] == UInt8(ascii: "\\") ? 2 : 1
    }
    return index
  }

  private static func isName(_ json: [UInt8], after end: Int) -> Bool {
    guard end < json.count else { return false }
    return json[(end + 1)...].first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) } == UInt8(ascii: ":")
  }

  /// A quoted string's value: two spellings of one name are one name.
  private static func text(_ quoted: ArraySlice<UInt8>) -> String {
    guard quoted.contains(UInt8(ascii: "\\")) else {
      return String(decoding: quoted.dropFirst().dropLast(), as: UTF8.self)
    }
    return (try? JSONDecoder().decode([String].self, from: Data([0x5B] + quoted + [0x5D])))?.first ?? ""
  }
}
