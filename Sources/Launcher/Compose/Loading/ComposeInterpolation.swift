// Replaces ${VARIABLE:-default} in a compose file.

import Configuration

/// Replaces variables in the values of a tree, by the chapter "Interpolation" of the Compose
/// Specification.
///
/// `$NAME`, `${NAME}`, `${NAME:-word}`, `${NAME-word}`, `${NAME:?text}`, `${NAME?text}`,
/// `${NAME:+word}`, `${NAME+word}`. Words may contain variables; `$$` is a dollar sign. With a
/// colon, an empty variable counts as unset.
struct ComposeInterpolation {
  private let variables: [String: String]
  private(set) var problems: [ConfigurationProblem] = []
  /// Unset variables that are used without a default; their value is empty.
  private(set) var unset: [String] = []

  /// Deepest nesting of words in words.
  private static let depthMax = 16

  init(variables: [String: String]) {
    self.variables = variables
  }

  mutating func apply(to node: YAMLNode) -> YAMLNode {
    var result = node
    switch node.content {
    case .scalar(let text, let plain):
      guard text.contains("$") else { return node }
      result.content = .scalar(expand(text, node.place), plain: plain)
    case .sequence(let nodes):
      var expanded: [YAMLNode] = []
      for node in nodes { expanded.append(apply(to: node)) }
      result.content = .sequence(expanded)
    case .mapping(let pairs):
      var expanded = pairs
      for index in pairs.indices { expanded[index].value = apply(to: pairs[index].value) }
      result.content = .mapping(expanded)
    }
    return result
  }

  /// Replaces the variables of one text; `place` names it in messages.
  mutating func expand(_ text: String, _ place: SourcePlace) -> String {
    var rest = Substring(text)
    let result = expand(&rest, place, depth: 0)
    return result
  }

  /// Expands up to the end of the text, or, inside braces, up to the closing brace.
  private mutating func expand(_ rest: inout Substring, _ place: SourcePlace, depth: Int) -> String {
    var result = ""
    while let character = rest.first {
      if depth > 0, character == "}" { break }
      rest.removeFirst()
      guard character == "$" else {
        result.append(character)
        continue
      }
      if rest.first == "$" {
        rest.removeFirst()
        result.append("$")
      } else if rest.first == "{" {
        rest.removeFirst()
        result += braced(&rest, place, depth: depth + 1)
      } else {
        let name = Self.name(&rest)
        result += name.isEmpty ? refuse("$\(rest.prefix(10))", place) : value(name)
      }
    }
    return result
  }

  private mutating func braced(_ rest: inout Substring, _ place: SourcePlace, depth: Int) -> String {
    let whole = "${" + rest.prefix(40)
    let name = Self.name(&rest)
    var isOperator = rest.first != "}"
    var countsEmpty = false
    var kind: Character = "}"
    if isOperator, rest.first == ":" {
      countsEmpty = true
      rest.removeFirst()
    }
    if isOperator, let next = rest.popFirst() { kind = next } else { isOperator = false }
    guard !name.isEmpty, depth <= Self.depthMax, !isOperator || "-?+".contains(kind) else {
      rest = rest[rest.endIndex...]
      return refuse(whole, place)
    }
    let word = isOperator ? expand(&rest, place, depth: depth) : ""
    guard rest.popFirst() == "}" else { return refuse(whole, place) }
    let found = variables[name].flatMap { countsEmpty && $0.isEmpty ? nil : $0 }
    switch kind {
    case "-": return found ?? word
    case "+": return found == nil ? "" : word
    case "?":
      if let found { return found }
      problems.append(
        ConfigurationProblem(
          place: place.description, expected: "the variable \(name) to be set", found: "it is not",
          advice: word.isEmpty ? "set it" : word))
      return ""
    default: return value(name)
    }
  }

  private mutating func value(_ name: String) -> String {
    if let value = variables[name] { return value }
    if !unset.contains(name) { unset.append(name) }
    return ""
  }

  private mutating func refuse(_ text: String, _ place: SourcePlace) -> String {
    problems.append(
      ConfigurationProblem(
        place: place.description, expected: "${NAME} or ${NAME:-default}", found: text,
        advice: "write $$ for a dollar sign"))
    return ""
  }

  private static func name(_ rest: inout Substring) -> String {
    let name = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
    guard name.first?.isNumber == false else { return "" }
    rest = rest[name.endIndex...]
    return String(name)
  }
}
