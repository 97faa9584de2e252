// What an instance is started with.

extension LocalLauncher {
  /// The command of an instance, or `words` in its place with the same variables.
  ///
  /// - Parameter instances: all instances there are, whose addresses stand for their services' names.
  mutating func command(
    of instance: Instance, words: [String]? = nil, instances: [Instance]
  ) throws(LaunchError) -> LaunchCommand {
    guard let service = services[instance.service] else {
      throw LaunchError("expected a service of the compose file, found '\(instance.service)'")
    }
    let translation = try translation(for: service, instances)
    let used = (words ?? service.command) + service.environment.values
    for (target, folder) in translation.folders where used.contains(where: { $0.hasPrefix(target) }) {
      guard folder != options.runDirectory else { continue }
      try Folder.make(folder)
    }
    var arguments = (words ?? service.command).map(translation.apply)
    if arguments.first == "rookery" { arguments[0] = options.executable }
    var environment = options.inherited.filter { !$0.key.hasPrefix("ROOKERY_") }
    for (name, value) in service.environment { environment[name] = translation.apply(to: value) }
    environment.merge(options.environment) { _, new in new }
    environment["ROOKERY_BIND_HOST"] = try network.host(of: instance)
    environment["ROOKERY_SERVICE"] = instance.service
    environment["ROOKERY_REPLICA"] = "\(instance.replica)"
    environment["ROOKERY_RUN_DIRECTORY"] = options.runDirectory
    return LaunchCommand(arguments: arguments, environment: environment, log: log(of: instance))
  }

  /// The `ROOKERY_…` variables for one more process of a service that is started by hand: the addresses of the run's services, and
  /// a replica's number that no process of the launcher has.
  mutating func variables(of name: String) throws(LaunchError) -> [String: String] {
    try check(name, count: 0)
    guard let service = services[name] else { return [:] }
    let instances = processes.map(\.instance)
    let translation = try translation(for: service, instances)
    var result = service.environment.filter { $0.key.hasPrefix("ROOKERY_") }.mapValues(translation.apply)
    result.merge(options.environment) { _, new in new }
    result["ROOKERY_BIND_HOST"] = nil  // each of the launcher's processes has an address of its own
    result["ROOKERY_RUN_DIRECTORY"] = options.runDirectory
    let replicas = instances.filter { $0.service == name }.map(\.replica)
    result["ROOKERY_REPLICA"] = "\((replicas.max() ?? 0) + 1)"
    return result
  }

  /// A service without replicas stands for the address that its first one would get.
  private mutating func translation(
    for service: ComposeService, _ instances: [Instance]
  ) throws(LaunchError) -> AddressTranslation {
    var hosts: [String: [String]] = [:]
    for name in services.keys.sorted() {
      let own = instances.filter { $0.service == name }
      for instance in own.isEmpty ? [Instance(name, 1)] : own {
        hosts[name, default: []].append(try network.host(of: instance))
      }
    }
    // What a container has as its run folder is the run's folder here; other paths get folders of their own.
    let runTarget = service.environment["ROOKERY_RUN_DIRECTORY"]
    let folders = service.mounts.map { mount in
      let folder =
        mount.target == runTarget ? options.runDirectory : "\(options.runDirectory)/volumes/\(mount.volume)"
      return (target: mount.target, folder: folder)
    }
    return AddressTranslation(hosts: hosts, folders: folders)
  }
}
