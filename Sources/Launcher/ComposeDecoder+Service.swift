// One service of a compose file.

import Configuration
import Foundations

extension ComposeDecoder {
  private static let known = [
    "command", "environment", "depends_on", "deploy", "scale", "restart", "stop_signal", "stop_grace_period",
    "healthcheck", "volumes",
  ]

  mutating func decodeService(_ pair: YAMLPair) -> ComposeService? {
    let key = "services.\(pair.key)"
    var service = ComposeService(name: pair.key, command: [])
    var scaled: [(key: String, node: YAMLNode, count: Int)] = []
    let pairs = pairs(pair.value, key, known: Self.known, ignored: ["image", "build", "networks"])
    for field in pairs {
      let key = "\(key).\(field.key)"
      switch field.key {
      case "command": service.command = command(field.value, key)
      case "environment": service.environment = environment(field.value, key)
      case "depends_on": service.dependencies = dependencies(field.value, key)
      case "scale":
        if let count = count(field.value, key) { scaled.append((key, field.value, count)) }
      case "deploy":
        for inner in self.pairs(field.value, key, known: ["replicas"]) {
          if let count = count(inner.value, "\(key).replicas") { scaled.append((key, inner.value, count)) }
        }
      case "restart": service.restart = restart(field.value, key)
      case "stop_signal": service.stopSignal = stopSignal(field.value, key) ?? service.stopSignal
      case "stop_grace_period": service.stopGrace = duration(field.value, key) ?? service.stopGrace
      case "healthcheck": service.healthcheck = healthcheck(field.value, key)
      default: service.mounts = mounts(field.value, key)
      }
    }
    if let first = scaled.first { service.replicas = first.count }
    if scaled.count == 2, scaled[0].count != scaled[1].count {
      refuse(scaled[1].node, scaled[1].key, expected: "the same number as \(scaled[0].key)")
    }
    if !pairs.contains(where: { $0.key == "command" }) {
      problems.append(
        ConfigurationProblem(
          place: pair.keyPlace.description, key: key, expected: "a command", found: "none",
          advice: "an image's own command is unknown here; write for example command: rookery \(pair.key)"))
    }
    return service
  }

  private mutating func command(_ node: YAMLNode, _ key: String) -> [String] {
    let expected = "a command line, or a list of its words"
    if let nodes = node.sequence {
      let words = nodes.compactMap(\.string)
      if !words.isEmpty, words.count == nodes.count, words[0] != "" { return words }
    } else if let text = node.string, let words = ShellWords.split(text), words.first?.isEmpty == false {
      return words
    }
    refuse(node, key, expected: expected)
    return []
  }

  private mutating func environment(_ node: YAMLNode, _ key: String) -> [String: String] {
    var result: [String: String] = [:]
    func set(_ name: String, _ value: String?) {
      if let value = value ?? variables[name] { result[name] = value }
    }
    if let nodes = node.sequence {
      for entry in nodes {
        guard let text = entry.string, let name = text.split(separator: "=").first, !text.hasPrefix("=")
        else {
          refuse(entry, key, expected: "NAME=value")
          continue
        }
        set(String(name), text.firstIndex(of: "=").map { String(text[text.index(after: $0)...]) })
      }
      return result
    }
    guard let pairs = node.mapping else {
      if !node.isNull { refuse(node, key, expected: "a mapping or a list of NAME=value") }
      return result
    }
    for pair in pairs {
      if pair.value.string == nil && !pair.value.isNull || pair.value.bool != nil {
        refuse(
          pair.value, "\(key).\(pair.key)", expected: "a string, a number or nothing",
          advice: pair.value.bool == nil ? "" : "put it in quotes")
      } else {
        set(pair.key, pair.value.string)
      }
    }
    return result
  }

  private mutating func dependencies(_ node: YAMLNode, _ key: String) -> [ComposeService.Dependency] {
    if let nodes = node.sequence {
      let names = nodes.compactMap(\.string)
      if names.count != nodes.count { refuse(node, key, expected: "a list of services") }
      return names.map { ComposeService.Dependency($0) }
    }
    guard let pairs = node.mapping else {
      refuse(node, key, expected: "a list or a mapping of services")
      return []
    }
    return pairs.map { pair in
      let dependency = "\(key).\(pair.key)"
      var result = ComposeService.Dependency(pair.key)
      for inner in self.pairs(pair.value, dependency, known: ["condition"]) {
        if let condition = inner.value.string.flatMap(ComposeService.Dependency.Condition.init(rawValue:)) {
          result.condition = condition
        } else {
          refuse(inner.value, "\(dependency).condition", expected: "service_started or service_healthy")
        }
      }
      return result
    }
  }

  private mutating func count(_ node: YAMLNode, _ key: String) -> Int? {
    if let count = node.integer(Int.self), (0...Self.replicasMax).contains(count) { return count }
    refuse(node, key, expected: "a whole number from 0 to \(Self.replicasMax)")
    return nil
  }

  private mutating func restart(_ node: YAMLNode, _ key: String) -> RestartPolicy {
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

  private mutating func stopSignal(_ node: YAMLNode, _ key: String) -> Int32? {
    if let signal = node.string.flatMap(SignalName.number(of:)) { return signal }
    refuse(node, key, expected: "a signal, as SIGTERM")
    return nil
  }

  mutating func duration(_ node: YAMLNode, _ key: String) -> Instant.Span? {
    if let span = node.string.flatMap(ComposeDuration.parse) { return span }
    refuse(node, key, expected: "a duration with a unit", advice: "write for example 10s or 1m30s")
    return nil
  }

  private mutating func mounts(_ node: YAMLNode, _ key: String) -> [ComposeService.Mount] {
    guard let nodes = node.sequence else {
      refuse(node, key, expected: "a list of NAME:/path")
      return []
    }
    return nodes.compactMap { entry in
      let parts = (entry.string ?? "").split(separator: ":", omittingEmptySubsequences: false).map(
        String.init)
      if parts.count == 2, Self.isServiceName(parts[0]), parts[1].hasPrefix("/"), parts[1].count > 1 {
        return ComposeService.Mount(volume: parts[0], target: parts[1])
      }
      refuse(entry, key, expected: "a named volume and a path, NAME:/path")
      return nil
    }
  }
}
