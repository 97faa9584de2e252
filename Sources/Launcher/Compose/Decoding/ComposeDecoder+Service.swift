// One service of a compose file.

import Configuration
import Foundations

extension ComposeDecoder {
  mutating func decodeService(_ pair: YAMLPair) -> ComposeService? {
    let key = "services.\(pair.key)"
    var service = ComposeService(name: pair.key, command: [])
    var scaled: [(key: String, node: YAMLNode, count: Int)] = []
    var deployment: YAMLNode?
    let pairs = pairs(
      pair.value, key, known: ComposeKeys.service, ignored: ComposeKeys.serviceNoted,
      unenforced: ComposeKeys.serviceUnenforced)
    for field in pairs {
      let key = "\(key).\(field.key)"
      switch field.key {
      case "command": service.command = words(field.value, key)
      case "entrypoint": service.entrypoint = words(field.value, key)
      case "environment", "env_file", "extends": break
      case "depends_on": service.dependencies = dependencies(field.value, key)
      case "scale":
        if let count = count(field.value, key) { scaled.append((key, field.value, count)) }
      case "deploy": deployment = field.value
      case "restart": service.restart = restart(field.value, key)
      case "stop_signal": service.stopSignal = stopSignal(field.value, key) ?? service.stopSignal
      case "stop_grace_period": service.stopGrace = duration(field.value, key) ?? service.stopGrace
      case "healthcheck": service.healthcheck = healthcheck(field.value, key)
      case "profiles": service.profiles = profiles(field.value, key)
      case "working_dir": service.workingDirectory = workingDirectory(field.value, key)
      case "network_mode":
        if !["host", "bridge"].contains(field.value.string) {
          refuse(
            field.value, key, expected: "host or bridge",
            advice: "local processes share the machine's network")
        }
      default: service.mounts = mounts(field.value, key)
      }
    }
    service.environment = environment(pair.value, key)
    if let deployment, let (node, count) = deploy(deployment, "\(key).deploy", &service) {
      scaled.append(("\(key).deploy.replicas", node, count))
    }
    if let first = scaled.first { service.replicas = first.count }
    if scaled.count == 2, scaled[0].count != scaled[1].count {
      refuse(scaled[1].node, scaled[1].key, expected: "the same number as \(scaled[0].key)")
    }
    if !problems.contains(where: { $0.key == "\(key).command" || $0.key == "\(key).entrypoint" }),
      service.words.first?.isEmpty != false
    {
      problems.append(
        ConfigurationProblem(
          place: pair.keyPlace.description, key: key, expected: "a command", found: "none",
          advice: "an image's own command is unknown here; write for example command: rookery \(pair.key)"))
    }
    return service
  }

  /// Words of a command line or a list; none for null, which leaves the command to the image.
  private mutating func words(_ node: YAMLNode, _ key: String) -> [String] {
    if node.isNull { return [] }
    if let nodes = node.sequence {
      let words = nodes.compactMap(\.string)
      if words.count == nodes.count { return words }
    } else if let text = node.string, let words = ShellWords.split(text) {
      return words
    }
    refuse(node, key, expected: "a command line, or a list of its words")
    return []
  }

  private mutating func dependencies(_ node: YAMLNode, _ key: String) -> [ComposeService.Dependency] {
    if node.isNull { return [] }
    guard let pairs = node.mapping else {
      refuse(node, key, expected: "a list or a mapping of services")
      return []
    }
    return pairs.map { pair in
      let key = "\(key).\(pair.key)"
      var result = ComposeService.Dependency(pair.key)
      for inner in self.pairs(pair.value, key, known: ["condition", "required", "restart"]) {
        let key = "\(key).\(inner.key)"
        switch inner.key {
        case "condition":
          if let condition = inner.value.string.flatMap(ComposeService.Dependency.Condition.init(rawValue:)) {
            result.condition = condition
          } else {
            refuse(
              inner.value, key, expected: "service_started, service_healthy or service_completed_successfully"
            )
          }
        case "required": result.isRequired = bool(inner.value, key) ?? true
        default: result.restarts = bool(inner.value, key) ?? false
        }
      }
      return result
    }
  }

  private mutating func bool(_ node: YAMLNode, _ key: String) -> Bool? {
    let value = Self.bool(node)
    if value == nil { refuse(node, key, expected: "true or false") }
    return value
  }

  private mutating func profiles(_ node: YAMLNode, _ key: String) -> [String] {
    let names = node.sequence?.compactMap(\.string) ?? []
    let isRight = names.allSatisfy { Self.isServiceName($0) }
    if node.sequence == nil || names.count != node.sequence?.count || !isRight {
      refuse(node, key, expected: "a list of names of letters, digits, '.', '_' and '-'")
    }
    return names
  }

  private mutating func workingDirectory(_ node: YAMLNode, _ key: String) -> String? {
    if let path = node.string, !path.isEmpty { return path }
    refuse(node, key, expected: "a path")
    return nil
  }

  private mutating func stopSignal(_ node: YAMLNode, _ key: String) -> Int32? {
    if let signal = node.string.flatMap(SignalName.number(of:)) { return signal }
    refuse(node, key, expected: "a signal, such as SIGTERM")
    return nil
  }

  mutating func duration(_ node: YAMLNode, _ key: String) -> Instant.Span? {
    if let span = node.string.flatMap(ComposeDuration.parse) { return span }
    refuse(node, key, expected: "a duration with a unit", advice: "write for example 10s or 1m30s")
    return nil
  }
}
