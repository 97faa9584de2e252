// HTTP requests over a plain socket.

import Foundation
import Glibc

/// A server's response.
struct WebAnswer {
  var status: Int
  var body: String

  /// The body as a JSON object.
  func object() throws -> [String: Any] {
    guard let object = try JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any] else {
      throw TimedOut(description: "expected an object, found \(body.prefix(200))")
    }
    return object
  }
}

enum Web {
  /// - Parameter address: `http://127.a.b.c:PORT/`.
  /// - Returns: nil while no process listens there.
  static func get(_ path: String, at address: String, host: String? = nil, method: String = "GET") throws
    -> WebAnswer?
  {
    let parts = address.dropFirst(7).prefix { $0 != "/" }.split(separator: ":")
    guard parts.count == 2, let port = UInt16(parts[1]) else {
      throw TimedOut(description: "not an address: \(address)")
    }
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    defer { close(descriptor) }
    var limit = timeval(tv_sec: 20, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var target = sockaddr_in()
    target.sin_family = sa_family_t(AF_INET)
    target.sin_port = port.bigEndian
    target.sin_addr.s_addr = inet_addr(String(parts[0]))
    let code = withUnsafeBytes(of: target) { bytes in
      connect(descriptor, bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
    }
    guard code == 0 else { return nil }
    let request = Array(
      "\(method) \(path) HTTP/1.1\r\nHost: \(host ?? String(parts[0]))\r\nConnection: close\r\n\r\n".utf8)
    // MSG_NOSIGNAL
    guard request.withUnsafeBytes({ send(descriptor, $0.baseAddress, $0.count, 0x4000) }) == request.count
    else { return nil }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = buffer.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
      guard count > 0 else { break }
      bytes += buffer[..<count]
    }
    let text = String(decoding: bytes, as: UTF8.self)
    guard let head = text.range(of: "\r\n\r\n"), let status = Int(text.dropFirst(9).prefix(3)) else {
      return nil
    }
    return WebAnswer(status: status, body: String(text[head.upperBound...]))
  }
}
