// Restart policies and replicas.

import Configuration

extension ComposeDecoder {
  mutating func restart(_ node: YAMLNode, _ key: String) -> RestartPolicy {
    let text = node.bool == false ? "no" : node.string ?? ""
    switch text {
    case "no": return .no
    case "always": return .always
    case "unless-stopped": return .unlessStopped
    case "on-failure": return .onFailure(limit: nil)
    default:
      if text.hasPrefix("on-failure:"), let limit = Int(text.dropFirst("on-failure:".count)), limit > 0 {
        return .onFailure(limit: limit)
      }
      refuse(node, key, expected: "\"no\", always, unless-stopped, on-failure or on-failure:N with N ≥ 1")
      return .no
    }
  }

  /// Reads `deploy`, whose `restart_policy` wins over `restart`. Returns the number of replicas and
  /// its node, if `replicas` is set.
  mutating func deploy(_ node: YAMLNode, _ key: String, _ service: inout ComposeService) -> (YAMLNode, Int)? {
    var replicas: (YAMLNode, Int)?
    let pairs = pairs(
      node, key, known: ComposeKeys.deploy, ignored: ComposeKeys.deployNoted,
      unenforced: ComposeKeys.deployUnenforced)
    for pair in pairs {
      let key = "\(key).\(pair.key)"
      switch pair.key {
      case "replicas": replicas = count(pair.value, key).map { (pair.value, $0) }
      case "mode":
        if pair.value.string != "replicated" {
          refuse(
            pair.value, key, expected: "replicated",
            advice: "all replicas run on this machine; write replicas: N for their number")
        }
      default: restartPolicy(pair.value, key, &service)
      }
    }
    return replicas
  }

  private mutating func restartPolicy(_ node: YAMLNode, _ key: String, _ service: inout ComposeService) {
    var limit: Int?
    var condition = "any"
    for pair in pairs(node, key, known: ["condition", "delay", "max_attempts", "window"]) {
      let key = "\(key).\(pair.key)"
      switch pair.key {
      case "delay": service.restartPacing.delay = duration(pair.value, key)
      case "window": service.restartPacing.window = duration(pair.value, key)
      case "max_attempts":
        limit = Self.integer(pair.value).flatMap { $0 >= 0 ? $0 : nil }
        if limit == nil { refuse(pair.value, key, expected: "a whole number, 0 or more") }
      default:
        condition = pair.value.string ?? ""
        if !["none", "on-failure", "any"].contains(condition) {
          refuse(pair.value, key, expected: "none, on-failure or any")
        }
      }
    }
    service.restartPacing.limit = limit == 0 ? nil : limit  // 0 is "no limit", as in the engine
    service.restart = condition == "none" ? .no : condition == "on-failure" ? .onFailure(limit: nil) : .always
  }

  mutating func count(_ node: YAMLNode, _ key: String) -> Int? {
    if let count = Self.integer(node), (0...Self.replicasMax).contains(count) { return count }
    refuse(node, key, expected: "a whole number from 0 to \(Self.replicasMax)")
    return nil
  }
}
