// Service names in addresses, and container paths, as local processes need them.

/// Rewrites commands and environment values of a compose file.
struct AddressTranslation {
  /// The addresses of a service's replicas, for every service.
  var hosts: [String: [String]]
  /// Folders that stand for paths in a container.
  var folders: [(target: String, folder: String)]

  func apply(to text: String) -> String {
    replaceHosts(in: replaceFolder(in: text))
  }

  /// `tcp://replay:7701` → `tcp://127.80.3.1:7701,tcp://127.80.3.2:7701`, wherever it stands in the text.
  private func replaceHosts(in text: String) -> String {
    var result = ""
    var rest = text[...]
    while let separator = rest.firstRange(of: "://") {
      let before = rest[..<separator.lowerBound]
      let schemeStart = before.lastIndex { !$0.isLetter }.map(before.index(after:)) ?? before.startIndex
      let scheme = before[schemeStart...]
      let address = rest[separator.upperBound...].prefix { !$0.isWhitespace && $0 != "," }
      let name = address.prefix { $0 != ":" && $0 != "/" }
      result += before[..<schemeStart]
      if !scheme.isEmpty, let hosts = hosts[String(name)], !hosts.isEmpty {
        let tail = address[name.endIndex...]
        result += hosts.map { "\(scheme)://\($0)\(tail)" }.joined(separator: ",")
      } else {
        result += "\(scheme)://\(address)"
      }
      rest = rest[address.endIndex...]
    }
    return result + rest
  }

  private func replaceFolder(in text: String) -> String {
    for (target, folder) in folders where text == target || text.hasPrefix(target + "/") {
      return folder + text.dropFirst(target.count)
    }
    return text
  }
}
