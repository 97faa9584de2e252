// The healthcheck of a service.

import Configuration

extension ComposeDecoder {
  private static let keys = [
    "test", "interval", "timeout", "retries", "start_period", "start_interval", "disable",
  ]

  mutating func healthcheck(_ node: YAMLNode, _ key: String) -> Healthcheck? {
    var check = Healthcheck(command: [])
    var isDisabled = false
    for pair in pairs(node, key, known: Self.keys) {
      let key = "\(key).\(pair.key)"
      switch pair.key {
      case "test":
        guard let command = test(pair.value, key) else { continue }
        check.command = command
        isDisabled = isDisabled || command.isEmpty
      case "interval": check.interval = duration(pair.value, key) ?? check.interval
      case "timeout": check.timeout = duration(pair.value, key) ?? check.timeout
      case "start_period": check.startPeriod = duration(pair.value, key) ?? check.startPeriod
      case "start_interval": check.startInterval = duration(pair.value, key)
      case "retries":
        if let retries = Self.integer(pair.value), (1...1000).contains(retries) {
          check.retries = retries
        } else {
          refuse(pair.value, key, expected: "a whole number from 1 to 1000")
        }
      default:
        if let disable = Self.bool(pair.value) {
          isDisabled = isDisabled || disable
        } else {
          refuse(pair.value, key, expected: "true or false")
        }
      }
    }
    if isDisabled { return nil }
    if check.command.isEmpty, node["test"] == nil { refuse(node, key, expected: "a test", found: "none") }
    return check
  }

  /// The command of a test; empty for NONE, nil if it is malformed.
  private mutating func test(_ node: YAMLNode, _ key: String) -> [String]? {
    if let text = node.string, !text.isEmpty { return ["/bin/sh", "-c", text] }
    let words = node.sequence?.compactMap(\.string) ?? []
    if words.count == node.sequence?.count {
      switch words.first {
      case "NONE" where words.count == 1: return []
      case "CMD" where words.count > 1: return Array(words.dropFirst())
      case "CMD-SHELL" where words.count == 2: return ["/bin/sh", "-c", words[1]]
      default: break
      }
    }
    refuse(node, key, expected: "[CMD, word, …], [CMD-SHELL, line], [NONE] or a command line")
    return nil
  }
}
