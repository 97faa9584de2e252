// A client in bare bytes, on the server's own thread.

import Foundations
import Glibc
import Testing

@testable import HTTP

/// The server's answer over one connection.
struct Answer {
  var text: String
  var isClosed: Bool

  var status: Int? { text.split(separator: " ").dropFirst().first.flatMap { Int($0) } }
  var body: String { text.firstRange(of: "\r\n\r\n").map { String(text[$0.upperBound...]) } ?? "" }

  func header(_ name: String) -> String? {
    text.split(separator: "\r\n").first { $0.lowercased().hasPrefix("\(name.lowercased()): ") }
      .map { String($0.dropFirst(name.count + 2)) }
  }
}

final class Client {
  private let descriptor: Int32
  private(set) var received: [UInt8] = []
  private(set) var isClosed = false

  init(port: UInt16) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    try #require(descriptor >= 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let code = withUnsafeBytes(of: address) { bytes in
      connect(descriptor, bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
    }
    try #require(code == 0)
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
  }

  deinit {
    close(descriptor)
  }

  func send(_ text: String) {
    let bytes = Array(text.utf8)
    // MSG_NOSIGNAL: the server may have closed.
    _ = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, 0x4000) }
  }

  func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

  /// Reads what has arrived.
  func read() {
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while !isClosed {
      let count = buffer.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
      if count > 0 {
        received += buffer[..<count]
      } else {
        isClosed = count == 0 || errno != EAGAIN
        return
      }
    }
  }

  var answer: Answer { Answer(text: String(decoding: received, as: UTF8.self), isClosed: isClosed) }
}

/// A server with its own clock, driven until something is true.
final class Served {
  let server: HTTPServer
  var now = Instant.zero + .seconds(100)
  private(set) var requests: [HTTPRequest] = []
  var body = Array("hello\n".utf8)

  init(hosts: AllowedHosts = .local(and: []), _ configure: (inout HTTPServer.Limits) -> Void = { _ in })
    throws
  {
    var limits = HTTPServer.Limits()
    configure(&limits)
    server = try HTTPServer(host: "127.0.0.1", port: 0, hosts: hosts, limits: limits)
  }

  func turn() {
    server.run(now: now) { request in
      requests.append(request)
      return HTTPResponse(type: "text/plain", body: body)
    }
  }

  /// Runs the server until `isTrue`; sleeps in poll between two looks.
  func until(_ what: String, _ isTrue: () -> Bool) throws {
    let deadline = SystemClock.now() + .seconds(20)
    while true {
      turn()
      if isTrue() { return }
      try #require(SystemClock.now() < deadline, "\(what) never came")
      var item = pollfd(fd: server.descriptor, events: Int16(POLLIN), revents: 0)
      poll(&item, 1, 1)
    }
  }

  /// Sends one request on a new connection; returns the whole answer.
  func ask(_ text: String) throws -> Answer {
    let client = try Client(port: server.port)
    client.send(text)
    try until("the end of the answer to \(text.prefix(40))") {
      client.read()
      return client.isClosed
    }
    return client.answer
  }

  func get(_ path: String, host: String = "127.0.0.1", method: String = "GET") throws -> Answer {
    try ask("\(method) \(path) HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n\r\n")
  }
}
