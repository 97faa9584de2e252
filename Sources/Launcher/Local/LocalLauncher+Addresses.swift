// How processes learn of replicas that come and go while they run.

import Foundations

extension LocalLauncher {
  /// Names the file of a service to its processes.
  static var addressesVariable: String { "ROOKERY_ADDRESSES_FILE" }

  /// Where a service's processes find what their variables would be now; nil if none of them names a service.
  func addressFile(of service: ComposeService) -> String? {
    hasAddresses(service) ? "\(options.runDirectory)/addresses/\(service.name)" : nil
  }

  /// The program's variables in which a service may stand for its replicas.
  private func hasAddresses(_ service: ComposeService) -> Bool {
    service.environment.contains { Self.isAddress($0.key, $0.value) }
  }

  static func isAddress(_ name: String, _ value: String) -> Bool {
    name.hasPrefix("ROOKERY_") && name.hasSuffix("_ADDRESS") && value.contains("://")
  }

  /// Writes each service's file anew where replicas have come or gone: lines `NAME=value`, with the very text that a process started now
  /// would get in its variable. Replicas on their way out are not in it.
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
        throw LaunchError("\(error): running processes do not learn of other replicas")
      }
      published[name] = text
    }
  }
}
