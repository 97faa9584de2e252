// The addresses that become Unix sockets of this user.

import Foundations

extension LocalLauncher {
  /// The ports that sockets replace: those of a service's own `ROOKERY_…_ADDRESS` variables that
  /// name the service itself (`tcp://replay:7701` of the service `replay`). Services that run
  /// another program than `rookery` listen on TCP.
  static func socketPorts(of service: ComposeService) -> Set<String> {
    service.words.first == "rookery" ? ownPorts(of: service) : []
  }

  /// Sentences about services that listen on TCP although sockets are in use.
  public var notes: [String] {
    guard sockets != nil else { return [] }
    return services.keys.sorted().compactMap { name in
      guard let service = services[name], service.words.first != "rookery",
        !Self.ownPorts(of: service).isEmpty
      else { return nil }
      return
        "\(name): its command does not begin with rookery, so it listens on loopback TCP, which every user of this machine "
        + "can reach (docs/SECURITY.md)"
    }
  }

  /// The ports of `tcp://` addresses in a service's own variables that name the service itself.
  private static func ownPorts(of service: ComposeService) -> Set<String> {
    var ports: Set<String> = []
    for (name, value) in service.environment where isAddress(name, value) {
      for address in value.split(separator: ",") {
        guard address.hasPrefix("tcp://\(service.name):") else { continue }
        let port = address.dropFirst("tcp://\(service.name):".count)
        if port.utf8.allSatisfy({ (0x30...0x39).contains($0) }), UInt16(port) ?? 0 > 0 {
          ports.insert(String(port))
        }
      }
    }
    return ports
  }

  /// The sockets that replace a service's `SERVICE:PORT` addresses, one per instance.
  func sockets(of name: String, _ instances: [Instance]) -> [String: [String]] {
    guard let folder = sockets, let service = services[name] else { return [:] }
    var result: [String: [String]] = [:]
    for port in Self.socketPorts(of: service) {
      result["\(name):\(port)"] = instances.map { folder.address(shortName(of: name), $0.replica, port) }
    }
    return result
  }

  /// A name, or a number in place of one that would make paths too long; no service's name has `#`.
  private func shortName(of name: String) -> String {
    if name.utf8.count <= SocketFolder.nameBytesMax { return name }
    return "#\(services.keys.sorted().firstIndex(of: name) ?? 0)"
  }

  /// The addresses an instance listens on, by variable: those of its `ROOKERY_…_ADDRESS` variables
  /// that name its own service.
  mutating func listening(_ instance: Instance) throws(LaunchError) -> [String: String] {
    guard let service = services[instance.service] else { return [:] }
    let translation = AddressTranslation(
      hosts: [service.name: [try network.host(of: instance)]], sockets: sockets(of: service.name, [instance]),
      folders: [])
    var result: [String: String] = [:]
    for (name, value) in service.environment where Self.isAddress(name, value) {
      let own = value.split(separator: ",").first { address in
        guard let scheme = address.firstRange(of: "://") else { return false }
        return address[scheme.upperBound...].prefix { $0 != ":" && $0 != "/" } == service.name
      }
      if let own { result[name] = translation.apply(to: String(own)) }
    }
    return result
  }
}
