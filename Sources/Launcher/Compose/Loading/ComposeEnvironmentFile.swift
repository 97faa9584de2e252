// Files of variables: `.env` and `env_file`.

import Configuration

/// Reads the dotenv syntax as Docker Compose does.
///
/// `NAME=value` and `NAME: value`, a leading `export`, `#` comments, single quotes (literal),
/// double quotes (escapes and variables; both may span lines), `${NAME:-default}` as in compose
/// files. A name alone has its value from `outside`.
/// https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/
struct ComposeEnvironmentFile {
  private(set) var values: [String: String] = [:]
  private(set) var problems: [ConfigurationProblem] = []
  /// Unset variables that are used without a default.
  private(set) var unset: [String] = []

  private let file: String
  private let outside: [String: String]
  private var rest: Substring
  private var line = 1

  /// - Parameter outside: variables that references prefer to the file's own.
  init(text: String, file: String, outside: [String: String]) {
    self.file = file
    self.outside = outside
    let text = text.hasPrefix("\u{FEFF}") ? String(text.dropFirst()) : text
    // A line end of two bytes is one Character in Swift.
    rest = Substring(String(text.map { $0 == "\r\n" ? "\n" : $0 }))
    while problems.isEmpty, skipBlanks() { statement() }
  }

  /// Reads a file. A file that cannot be read becomes a problem.
  init(contentsOf file: String, outside: [String: String]) {
    do throws(ConfigurationError) {
      let bytes = try TextFile.read(file, bytesMax: YAMLDocument.bytesMax)
      self.init(text: String(decoding: bytes, as: UTF8.self), file: file, outside: outside)
    } catch {
      self.init(text: "", file: file, outside: outside)
      problems = error.problems
    }
  }

  /// Skips blanks and comments up to the next statement; false at the end.
  private mutating func skipBlanks() -> Bool {
    while let character = rest.first {
      if character == "#" {
        rest = rest[(rest.firstIndex(of: "\n") ?? rest.endIndex)...]
      } else if character.isWhitespace {
        if character == "\n" { line += 1 }
        rest.removeFirst()
      } else {
        return true
      }
    }
    return false
  }

  private mutating func statement() {
    if rest.hasPrefix("export"), let next = rest.dropFirst("export".count).first, next == " " || next == "\t"
    {
      rest = rest.dropFirst("export".count).drop { $0 == " " || $0 == "\t" }
    }
    let end = rest.firstIndex { "=:\n".contains($0) } ?? rest.endIndex
    let name = String(rest[..<end].reversed().drop(while: \.isWhitespace).reversed())
    guard !name.isEmpty, name.allSatisfy({ $0.isLetter || $0.isNumber || "_.-[]".contains($0) }) else {
      return refuse(expected: "NAME=value", found: name.isEmpty ? String(rest.prefix(40)) : name)
    }
    let isAlone = end == rest.endIndex || rest[end] == "\n"
    rest = isAlone ? rest[end...] : rest[end...].dropFirst()
    if isAlone {
      values[name] = outside[name] ?? values[name]
      return
    }
    rest = rest.drop { $0.isWhitespace && $0 != "\n" }
    if let quote = rest.first, quote == "'" || quote == "\"" {
      rest.removeFirst()
      guard let text = quoted(quote) else { return }
      values[name] = quote == "'" ? text : expand(text)
    } else {
      var value = rest.prefix { $0 != "\n" }
      rest = rest[value.endIndex...]
      if let comment = value.firstRange(of: " #") { value = value[..<comment.lowerBound] }
      values[name] = expand(String(value.reversed().drop(while: \.isWhitespace).reversed()))
    }
  }

  /// The text up to the closing quote; nil if there is none. Escapes in double quotes are replaced,
  /// `\$` by `$$`.
  private mutating func quoted(_ quote: Character) -> String? {
    let start = line
    var result = ""
    while let character = rest.popFirst() {
      if character == quote { return result }
      if character == "\n" { line += 1 }
      guard character == "\\", let next = rest.first else {
        result.append(character)
        continue
      }
      rest.removeFirst()
      if next == "\n" { line += 1 }
      result += next == quote ? String(next) : quote == "'" ? "\\\(next)" : escape(next)
    }
    line = start
    refuse(expected: "a closing \(quote)", found: "none")
    return nil
  }

  private mutating func escape(_ next: Character) -> String {
    let simple: [Character: String] = [
      "n": "\n", "r": "\r", "t": "\t", "\\": "\\", "$": "$$", "a": "\u{07}", "b": "\u{08}", "f": "\u{0C}",
      "v": "\u{0B}",
    ]
    if let text = simple[next] { return text }
    guard next == "0" else { return "\\\(next)" }
    let digits = rest.prefix(3).prefix { ("0"..."7").contains($0) }
    guard digits.count == 3, let code = UInt8(digits, radix: 8) else { return "\\0" }
    rest = rest[digits.endIndex...]
    return String(UnicodeScalar(code))
  }

  private mutating func expand(_ text: String) -> String {
    guard text.contains("$") else { return text }
    var interpolation = ComposeInterpolation(variables: values.merging(outside) { _, outer in outer })
    let place = SourcePlace(file: file, line: line, column: 1)
    let result = interpolation.expand(text, place)
    problems += interpolation.problems
    unset += interpolation.unset
    return result
  }

  private mutating func refuse(expected: String, found: String) {
    problems.append(
      ConfigurationProblem(
        place: "\(file):\(line):1", expected: expected,
        found: found.split(separator: "\n").first.map(String.init) ?? "",
        advice: "a line is NAME=value, # a comment, or empty"))
  }
}
