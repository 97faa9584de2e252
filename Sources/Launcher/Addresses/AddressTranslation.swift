// Translates service names and container paths for local processes.

/// Rewrites commands and environment values of a compose file.
///
/// `SCHEME://service…` and `service:PORT` become a comma-separated list of all replicas of the
/// service; `tcp://service:PORT` becomes the list of their sockets if they listen on sockets. A
/// path of a volume becomes its folder if it begins a word, an option's value or an entry of a
/// list. A bare name stays: it may not be meant as a host.
struct AddressTranslation {
  /// The addresses of each service's replicas, by service.
  var hosts: [String: [String]]
  /// The sockets that replace `tcp://SERVICE:PORT`, by `SERVICE:PORT`.
  var sockets: [String: [String]]
  /// Container paths and the folders that replace them, longer paths first.
  let folders: [(target: String, folder: String)]

  init(
    hosts: [String: [String]], sockets: [String: [String]] = [:], folders: [(target: String, folder: String)]
  ) {
    self.hosts = hosts
    self.sockets = sockets
    self.folders = folders.sorted { $0.target.count > $1.target.count }
  }

  func apply(to text: String) -> String {
    replaceHosts(in: replaceFolders(in: text))
  }

  /// Whether a text contains a container path as a whole path.
  func refers(to target: String, in text: String) -> Bool {
    var rest = text[...]
    while let found = rest.firstRange(of: target) {
      if Self.isWhole(found, in: text) { return true }
      rest = rest[found.upperBound...]
    }
    return false
  }

  /// `tcp://replay:7701` → `tcp://127.80.3.1:7701,tcp://127.80.3.2:7701`, anywhere in the text.
  private func replaceHosts(in text: String) -> String {
    var result = ""
    var rest = text[...]
    while let separator = rest.firstRange(of: "://") {
      let before = rest[..<separator.lowerBound]
      let schemeStart = before.lastIndex { !$0.isLetter }.map(before.index(after:)) ?? before.startIndex
      let scheme = before[schemeStart...]
      let address = rest[separator.upperBound...].prefix {
        !$0.isWhitespace && $0 != "," && !"\"'".contains($0)
      }
      let name = address.prefix { $0 != ":" && $0 != "/" }
      result += replacePorts(in: before[..<schemeStart])
      let port = address[name.endIndex...].dropFirst().prefix { $0.isNumber }
      let after = address[port.endIndex...]
      if scheme == "tcp", let sockets = sockets["\(name):\(port)"],
        after.first.map(Self.separators.contains) ?? true
      {
        result += sockets.joined(separator: ",") + after
      } else if !scheme.isEmpty, let hosts = hosts[String(name)], !hosts.isEmpty {
        let tail = address[name.endIndex...]
        result += hosts.map { "\(scheme)://\($0)\(tail)" }.joined(separator: ",")
      } else {
        result += "\(scheme)://\(address)"
      }
      rest = rest[address.endIndex...]
    }
    return result + replacePorts(in: rest)
  }

  /// `replay:7701` → `127.80.3.1:7701,127.80.3.2:7701`, if it is a whole word, value or entry.
  private func replacePorts(in text: Substring) -> String {
    var result = ""
    var rest = text
    while let start = rest.firstIndex(where: { !Self.separators.contains($0) }) {
      let word = rest[start...].prefix { !Self.separators.contains($0) }
      result += rest[..<start]
      rest = rest[word.endIndex...]
      let parts = word.split(separator: ":", omittingEmptySubsequences: false)
      let path = parts.last?.firstIndex(of: "/") ?? parts.last?.endIndex
      if parts.count == 2, let path, let hosts = hosts[String(parts[0])], !hosts.isEmpty,
        parts[1][..<path].allSatisfy(\.isNumber), UInt16(parts[1][..<path]) ?? 0 > 0
      {
        result += hosts.map { "\($0):\(parts[1])" }.joined(separator: ",")
      } else {
        result += word
      }
    }
    return result + rest
  }

  private func replaceFolders(in text: String) -> String {
    guard !folders.isEmpty, text.contains("/") else { return text }
    var result = ""
    var rest = text[...]
    while let slash = rest.firstIndex(of: "/") {
      result += rest[..<slash]
      rest = rest[slash...]
      let found = folders.first { target, _ in
        rest.hasPrefix(target) && Self.isWhole(slash..<rest.index(slash, offsetBy: target.count), in: text)
      }
      if let found {
        result += found.folder
        rest = rest.dropFirst(found.target.count)
      } else {
        result.append("/")
        rest = rest.dropFirst()
      }
    }
    return result + rest
  }

  /// Characters that may precede or follow an address.
  private static let separators: Set<Character> = [
    " ", "\t", "\n", ",", ";", "=", "\"", "'", "(", ")", "<", ">", "|", "&",
  ]

  /// Whether a path is complete: not the end of a longer path, nor the beginning of a longer name.
  private static func isWhole(_ range: Range<String.Index>, in text: String) -> Bool {
    let before = text[..<range.lowerBound]
    let after = text[range.upperBound...]
    let begins = before.last.map { separators.contains($0) || $0 == ":" } ?? true
    let ends = after.first.map { separators.contains($0) || $0 == ":" || $0 == "/" } ?? true
    return (begins || before.hasSuffix("://")) && ends
  }
}
