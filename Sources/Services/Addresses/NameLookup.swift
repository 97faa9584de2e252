// Looks up the addresses of a host name.

internal import Glibc
internal import Transport

enum NameLookup {
  /// All IPv4 addresses of a name, sorted and distinct; nil if the lookup failed. Services listen
  /// on IPv4 only. It may block for half a minute.
  static func addresses(of name: String) -> [String]? {
    var hints = addrinfo()
    hints.ai_family = AF_INET
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(name, nil, &hints, &list) == 0 else { return nil }
    defer { freeaddrinfo(list) }
    var found: Set<String> = []
    var next = list
    while let entry = next {
      var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
      if getnameinfo(
        entry.pointee.ai_addr, entry.pointee.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
        == 0
      {
        found.insert(String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self))
      }
      next = entry.pointee.ai_next
    }
    return found.isEmpty ? nil : found.sorted()
  }
}

extension Endpoint {
  /// The host if it is a name to look up; nil for IP addresses, `*` and ipc.
  var name: String? {
    guard case .tcp(let host, _) = kind, !host.hasPrefix("["), host != "*" else { return nil }
    var address = in_addr()
    return inet_pton(AF_INET, host, &address) == 1 ? nil : host
  }
}
