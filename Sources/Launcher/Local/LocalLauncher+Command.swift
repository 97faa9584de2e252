// What an instance is started with.

internal import Foundations

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
    var translation = try translation(for: service, instances)
    if words != nil {
      // A check is about this replica only; in a container it would say localhost.
      let own = [try network.host(of: instance)]
      let sockets = sockets(of: service.name, [instance])
      for name in [service.name, "localhost", "127.0.0.1"] {
        translation.hosts[name] = own
        for (address, socket) in sockets {
          translation.sockets[name + address.dropFirst(service.name.count)] = socket
        }
      }
    }
    let folder = service.workingDirectory.map(translation.apply)
    let used = (words ?? service.words) + service.environment.values + [service.workingDirectory ?? ""]
    for (target, folder) in translation.folders where folder != options.runDirectory {
      guard used.contains(where: { translation.refers(to: target, in: $0) }), !ComposePath.exists(folder)
      else {
        continue
      }
      try Folder.make(folder)
    }
    if let folder, !ComposePath.isFolder(folder) {
      throw LaunchError(
        "\(instance): expected working_dir to be a folder of this machine or below a volume, found \(folder); make it, "
          + "or mount it as ./folder:\(folder)")
    }
    var arguments = (words ?? service.words).map(translation.apply)
    if arguments.first == "rookery" { arguments[0] = options.executable }
    var environment = options.inherited.filter { !$0.key.hasPrefix("ROOKERY_") || $0.key == "ROOKERY_PYTHON" }
    environment["PATH"] = searchPath(environment["PATH"])
    for (name, value) in service.environment { environment[name] = translation.apply(to: value) }
    if sockets != nil {
      // It listens at its own: the others' are their own too. (Over TCP the host is its own, and
      // the port is the same for all.)
      environment.merge(try listening(instance)) { _, own in own }
    }
    environment.merge(options.environment) { _, new in new }
    environment["ROOKERY_BIND_HOST"] = try network.host(of: instance)
    environment["ROOKERY_SERVICE"] = instance.service
    environment["ROOKERY_REPLICA"] = "\(instance.replica)"
    environment["ROOKERY_RUN_DIRECTORY"] = options.runDirectory
    environment["ROOKERY_STOP_GRACE_S"] = "\(service.stopGrace.seconds)"
    if let file = addressFile(of: service) { environment[Self.addressesVariable] = file }
    var command = LaunchCommand(arguments: arguments, environment: environment, log: log(of: instance))
    command.workingDirectory = folder
    return command
  }

  /// The folder of this program first, so that scripts and shells find `rookery` as they do in a container.
  private func searchPath(_ path: String?) -> String? {
    guard options.executable.hasSuffix("/rookery") else { return path }
    let folder = ComposePath.folder(of: options.executable)
    return path.map { "\(folder):\($0)" } ?? folder
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
    if let file = addressFile(of: service) { result[Self.addressesVariable] = file }
    let replicas = instances.filter { $0.service == name }.map(\.replica)
    let next = (replicas.max() ?? 0) + 1
    result["ROOKERY_REPLICA"] = "\(next)"
    // What listens has a socket that the launcher's next replica does not ask for.
    for (name, address) in try listening(Instance(name, next)) where address.hasPrefix("ipc://") {
      result[name] = address + "+"
    }
    return result
  }

  /// A service without replicas stands for the address that its first one would get.
  mutating func translation(
    for service: ComposeService, _ instances: [Instance]
  ) throws(LaunchError) -> AddressTranslation {
    var hosts: [String: [String]] = [:]
    var sockets: [String: [String]] = [:]
    for name in services.keys.sorted() {
      var own = instances.filter { $0.service == name }
      if own.isEmpty { own = [Instance(name, 1)] }
      for instance in own { hosts[name, default: []].append(try network.host(of: instance)) }
      sockets.merge(self.sockets(of: name, own)) { _, new in new }
    }
    // What a container has as its run folder is the run's folder here; other paths get folders of their own.
    let runTarget = service.environment["ROOKERY_RUN_DIRECTORY"]
    let folders = service.mounts.map { mount in
      switch mount.source {
      case .folder(let path): return (target: mount.target, folder: path)
      case .volume where mount.target == runTarget:
        return (target: mount.target, folder: options.runDirectory)
      case .volume(let name): return (target: mount.target, folder: "\(options.runDirectory)/volumes/\(name)")
      }
    }
    return AddressTranslation(hosts: hosts, sockets: sockets, folders: folders)
  }
}
