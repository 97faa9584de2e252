// The command and variables of an instance.

internal import Foundations

extension LocalLauncher {
  /// The command of an instance.
  ///
  /// - Parameters:
  ///   - words: a command to run in place of the service's, with the same variables.
  ///   - instances: all instances; their addresses replace the names of their services.
  mutating func command(
    of instance: Instance, words: [String]? = nil, instances: [Instance]
  ) throws(LaunchError) -> LaunchCommand {
    guard let service = services[instance.service] else {
      throw LaunchError("expected a service of the compose file, found '\(instance.service)'")
    }
    var translation = try translation(for: service, instances)
    if words != nil {
      // A check is about this replica only; in a container its address is localhost.
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
      // A replica listens on its own socket only. (Over TCP, ROOKERY_BIND_HOST tells replicas
      // apart, and all have the same port.)
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

  /// PATH with this program's folder first, so that scripts find `rookery` as in a container.
  private func searchPath(_ path: String?) -> String? {
    guard options.executable.hasSuffix("/rookery") else { return path }
    let folder = ComposePath.folder(of: options.executable)
    return path.map { "\(folder):\($0)" } ?? folder
  }

  /// The `ROOKERY_…` variables for a process of a service that is started by hand: the addresses of
  /// the run's services, and a replica's number that no process of the launcher has.
  mutating func variables(of name: String) throws(LaunchError) -> [String: String] {
    try check(name, count: 0)
    guard let service = services[name] else { return [:] }
    let instances = processes.map(\.instance)
    let translation = try translation(for: service, instances)
    var result = service.environment.filter { $0.key.hasPrefix("ROOKERY_") }.mapValues(translation.apply)
    result.merge(options.environment) { _, new in new }
    result["ROOKERY_BIND_HOST"] = nil  // the launcher gives an address to its own processes only
    result["ROOKERY_RUN_DIRECTORY"] = options.runDirectory
    if let file = addressFile(of: service) { result[Self.addressesVariable] = file }
    let replicas = instances.filter { $0.service == name }.map(\.replica)
    let next = (replicas.max() ?? 0) + 1
    result["ROOKERY_REPLICA"] = "\(next)"
    // Its socket must differ from that of the launcher's next replica.
    for (name, address) in try listening(Instance(name, next)) where address.hasPrefix("ipc://") {
      result[name] = address + "+"
    }
    return result
  }

  /// The translation for a service's command and variables. The name of a service without replicas
  /// becomes the address of its first one.
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
    // The container's run folder is the run's folder; every other volume gets its own folder.
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
