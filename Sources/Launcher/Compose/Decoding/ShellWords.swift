// Splits a command line into words.

/// Splits command lines as a POSIX shell does, without expansion.
enum ShellWords {
  /// Splits at blanks outside single quotes, double quotes and escapes; nil if a quote is not
  /// closed.
  static func split(_ text: String) -> [String]? {
    var words: [String] = []
    var word: String?
    var quote: Character?
    var rest = text[...]
    while let character = rest.popFirst() {
      switch (quote, character) {
      case ("'", "'"), ("\"", "\""):
        quote = nil
      case ("'", _):
        word?.append(character)
      case ("\"", "\\"):
        guard let next = rest.popFirst() else { return nil }
        if !"\"\\$`\n".contains(next) { word?.append("\\") }
        if next != "\n" { word?.append(next) }
      case (nil, "'"), (nil, "\""):
        quote = character
        word = word ?? ""
      case (nil, "\\"):
        guard let next = rest.popFirst() else { return nil }
        if next != "\n" { word = (word ?? "") + String(next) }
      case (nil, _) where character.isWhitespace:
        if let complete = word { words.append(complete) }
        word = nil
      default:
        word = (word ?? "") + String(character)
      }
    }
    if let word { words.append(word) }
    return quote == nil ? words : nil
  }
}
