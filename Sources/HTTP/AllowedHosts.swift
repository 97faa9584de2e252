// The names by which a server may be asked.

/// Refuses requests whose Host header is an unknown name. Otherwise a page of another site could
/// let its name resolve to this machine, and read what is served here as its own (DNS rebinding).
public enum AllowedHosts: Hashable, Sendable {
  case any
  /// This machine's loopback names and addresses, and the given ones.
  case local(and: Set<String>)

  /// - Parameter host: the Host header: a name or an address, with or without a port.
  public func contains(_ host: String) -> Bool {
    guard case .local(let names) = self else { return true }
    let name = Self.withoutPort(host)
    return names.contains(name) || name == "localhost" || name == "[::1]" || Self.isLoopback(name)
  }

  static func withoutPort(_ host: String) -> String {
    if host.hasPrefix("["), let end = host.firstIndex(of: "]") { return String(host[...end]) }
    return host.prefix { $0 != ":" }.lowercased()
  }

  private static func isLoopback(_ name: String) -> Bool {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts[0] == "127"
      && parts.allSatisfy { (1...3).contains($0.utf8.count) && UInt8($0) != nil && !$0.hasPrefix("+") }
  }
}
