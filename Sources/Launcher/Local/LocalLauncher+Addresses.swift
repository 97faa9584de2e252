// Files that tell running processes of added and removed replicas.

import Foundations

extension LocalLauncher {
  /// The variable with the path of a service's file of addresses.
  static var addressesVariable: String { "ROOKERY_ADDRESSES_FILE" }

  /// The file with the present values of a service's address variables; nil if it has none.
  func addressFile(of service: ComposeService) -> String? {
    hasAddresses(service) ? "\(options.runDirectory)/addresses/\(service.name)" : nil
  }

  /// Whether a service has variables in which a service's name stands for its replicas.
  private func hasAddresses(_ service: ComposeService) -> Bool {
    service.environment.contains { Self.isAddress($0.key, $0.value) }
  }

  static func isAddress(_ name: String, _ value: String) -> Bool {
    name.hasPrefix("ROOKERY_") && name.hasSuffix("_ADDRESS") && value.contains("://")
  }

  /// Rewrites each service's file whose contents have changed: lines `NAME=value` with the value
  /// that a process started now would get. Replicas that are being removed are left out.
  mutating func publishAddresses() throws(LaunchError) {
    let instances = supervisor.instances.map(\.instance).filter { !supervisor.isLeaving($0) }
    for name in services.keys.sorted() {
      guard let service = services[name], let path = addressFile(of: service) else { continue }
      let translation = try translation(for: service, instances)
      let text = service.environment.filter { Self.isAddress($0.key, $0.value) }.sorted { $0.key < $1.key }
        .map { "\($0.key)=\(translation.apply(to: $0.value))\n" }.joined()
      guard published[name] != text else { continue }
      try Folder.make("\(options.runDirectory)/addresses")
      do {
        try AtomicFile.replace(path, with: Array(text.utf8))
      } catch {
        throw LaunchError("\(error); running processes are not told of added or removed replicas")
      }
      published[name] = text
    }
  }
}
