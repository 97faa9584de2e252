// A TCP socket that listens.

internal import Glibc

/// Owns the descriptor until `release`.
struct ListeningSocket: ~Copyable {
  private(set) var descriptor: Int32
  /// The port, also if the system chose it.
  let port: UInt16

  /// - Parameter host: an address, a name, or `*` for all addresses. IPv6 with or without brackets.
  /// - Parameter port: 0 lets the system choose.
  init(host: String, port: UInt16) throws(HTTPError) {
    let name = "http://\(host):\(port)"
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
    var list: UnsafeMutablePointer<addrinfo>?
    let node = host == "*" ? "0.0.0.0" : String(host.drop { $0 == "[" }.prefix { $0 != "]" })
    let code = getaddrinfo(node, String(port), &hints, &list)
    guard code == 0, let first = list else {
      throw HTTPError(
        name, reason: "\(String(cString: gai_strerror(code))); expected an address or a name of this machine")
    }
    defer { freeaddrinfo(list) }
    let info = first.pointee
    let socket = Glibc.socket(
      info.ai_family, info.ai_socktype | Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue),
      info.ai_protocol)
    guard socket >= 0 else { throw HTTPError(name, code: errno) }
    // A server that is started again need not wait until the connections of the last one time out.
    var yes: Int32 = 1
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
    guard bind(socket, info.ai_addr, info.ai_addrlen) == 0, listen(socket, 64) == 0 else {
      let error = HTTPError(name, code: errno)
      close(socket)
      throw error
    }
    descriptor = socket
    self.port = Self.boundPort(socket)
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
  }

  /// Hands over the descriptor, which the caller must close.
  consuming func release() -> Int32 {
    let taken = descriptor
    descriptor = -1
    return taken
  }

  private static func boundPort(_ socket: Int32) -> UInt16 {
    var storage = sockaddr_storage()
    var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
    return withUnsafeMutablePointer(to: &storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = getsockname(socket, $0, &size) }
      // The port is at the same place in both families' addresses.
      return pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
        UInt16(bigEndian: $0.pointee.sin_port)
      }
    }
  }
}
