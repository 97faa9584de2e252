// The server over real sockets, with clients of any kind.

import Foundations
import Testing

@testable import HTTP

@Suite struct HTTPServerTests {
  @Test func aRequestIsAnswered() throws {
    let served = try Served()
    let answer = try served.get("/some%20path?a=1&b=x%26y&flag")
    #expect(answer.status == 200 && answer.body == "hello\n")
    #expect(
      served.requests == [HTTPRequest(path: "/some path", parameters: ["a": "1", "b": "x&y", "flag": ""])])
    #expect(answer.header("Content-Type") == "text/plain" && answer.header("Content-Length") == "6")
    #expect(answer.header("X-Content-Type-Options") == "nosniff")
    #expect(answer.header("Content-Security-Policy") == "default-src 'none'; frame-ancestors 'none'")
    #expect(answer.header("Set-Cookie") == nil)
    #expect(served.server.counters == .init(requests: 1, refused: 0, timedOut: 0))
  }

  @Test func headHasNoBody() throws {
    let served = try Served()
    let answer = try served.get("/", method: "HEAD")
    #expect(answer.status == 200 && answer.body.isEmpty && answer.header("Content-Length") == "6")
  }

  @Test(arguments: ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "NONSENSE"])
  func otherMethodsAreNotAllowed(method: String) throws {
    let served = try Served()
    let answer = try served.get("/", method: method)
    #expect(answer.status == 405 && answer.header("Allow") == "GET, HEAD")
    #expect(served.requests.isEmpty && served.server.counters.refused == 1)
  }

  @Test func aBodyIsNotWaitedFor() throws {
    let served = try Served()
    let head = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000000\r\n\r\nabc"
    #expect(try served.ask(head).status == 405)
    #expect(try served.ask(head.replacing("POST", with: "GET")).status == 200)
  }

  @Test(arguments: [
    "localhost", "localhost:7704", "LOCALHOST", "127.0.0.1:1", "127.80.3.1", "[::1]:7704", "box:1",
  ])
  func knownHosts(host: String) throws {
    let served = try Served(hosts: .local(and: ["box"]))
    #expect(try served.get("/", host: host).status == 200)
  }

  @Test(arguments: [
    "evil.example", "127.0.0.1.evil.example", "127.0.0", "127.0.0.+1", "10.0.0.1", "localhost.evil", "",
  ])
  func strangersAreRefused(host: String) throws {
    let served = try Served()
    let answer = try served.get("/", host: host)
    #expect(answer.status == 403 && served.requests.isEmpty)
    #expect(answer.body.contains("expected a Host header with an address of this machine"))
    #expect(try Served(hosts: .any).get("/", host: host).status == 200)
  }

  @Test func aRequestWithoutHostIsRefused() throws {
    let served = try Served()
    #expect(try served.ask("GET / HTTP/1.1\r\nConnection: close\r\n\r\n").status == 400)
    #expect(try served.ask("GET / HTTP/1.0\r\n\r\n").status == 403)
    #expect(served.requests.isEmpty)
  }

  @Test(arguments: [
    "\r\n\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\nHost: localhost\r\n\r\n", "\u{0}\u{1}\u{2}\r\n\r\n",
    "GET / HTTP/1.1\r\nHost localhost\r\n\r\n", "GET /%zz%0 HTTP/1.0\r\nHost: localhost\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: nonsense\r\n\r\n",
    "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}",
  ])
  func malformedRequestsDoNoHarm(text: String) throws {
    let served = try Served()
    let client = try Client(port: served.server.port)
    client.send(text)
    client.finishSending()
    try served.until("the connection") {
      served.server.connections == 1 || client.isClosed || !client.received.isEmpty
    }
    // An unfinished request is waited for, but not for ever.
    served.now = served.now + .seconds(15)
    try served.until("the end") {
      client.read()
      return client.isClosed
    }
    #expect(try served.get("/").status == 200)
  }

  @Test func largeRequestsAreRefused() throws {
    let served = try Served()
    let long = String(repeating: "a", count: 30_000)
    let path = try served.get("/" + long)
    #expect(path.status == 414 || path.status == 431, "\(path.text.prefix(80))")
    let header = try served.ask("GET / HTTP/1.1\r\nHost: localhost\r\nX: \(long)\r\n\r\n")
    #expect(header.status == 431, "\(header.text.prefix(80))")
    #expect(served.requests.isEmpty)
  }

  /// A byte now and then does not keep a connection for ever.
  @Test func aSlowClientIsCutOff() throws {
    let served = try Served()
    let client = try Client(port: served.server.port)
    client.send("GET / HT")
    try served.until("the connection") { served.server.connections == 1 }
    for _ in 0..<3 {
      served.now = served.now + .seconds(4)
      client.send("T")
      served.turn()
    }
    #expect(served.server.connections == 1)
    #expect(served.server.nextDeadline > served.now)
    served.now = served.now + .seconds(4)
    try served.until("the end") {
      client.read()
      return client.isClosed && served.server.connections == 0
    }
    #expect(served.server.counters.timedOut == 1 && served.server.nextDeadline == .never)
  }

  /// A client that asks for much and reads nothing is cut off too.
  @Test func aClientThatDoesNotReadIsCutOff() throws {
    let served = try Served()
    served.body = [UInt8](repeating: 65, count: 32 << 20)
    let client = try Client(port: served.server.port)
    client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    try served.until("the request") { served.requests.count == 1 }
    served.now = served.now + .seconds(16)
    try served.until("the end") { served.server.connections == 0 }
    #expect(served.server.counters.timedOut == 1)
  }

  /// A page that asks every second keeps its connection.
  @Test func aConnectionIsKeptWhileItIsUsed() throws {
    let served = try Served()
    let client = try Client(port: served.server.port)
    for number in 1...5 {
      client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
      try served.until("answer \(number)") {
        client.read()
        return client.answer.text.ranges(of: "hello").count == number
      }
      served.now = served.now + .seconds(10)
    }
    #expect(served.server.connections == 1 && !client.isClosed)
    #expect(served.server.counters.timedOut == 0)
  }

  @Test func tooManyConnectionsWaitTheirTurn() throws {
    let served = try Served { $0.connections = 4 }
    let idle = try (0..<4).map { _ in try Client(port: served.server.port) }
    try served.until("four connections") { served.server.connections == 4 }
    let late = try Client(port: served.server.port)
    late.send("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    for _ in 0..<20 { served.turn() }
    late.read()
    #expect(late.received.isEmpty && served.server.connections == 4)
    served.now = served.now + .seconds(15)
    try served.until("its turn") {
      late.read()
      return late.isClosed
    }
    #expect(late.answer.status == 200 && served.server.counters.timedOut == 4)
    withExtendedLifetime(idle) {}
  }

  @Test func aTakenPortIsNamed() throws {
    let first = try Served()
    let error = #expect(throws: HTTPError.self) {
      try HTTPServer(host: "127.0.0.1", port: first.server.port, hosts: .any)
    }
    #expect(
      error?.description
        == "listening on http://127.0.0.1:\(first.server.port): Address already in use; another process listens "
        + "there: stop it or choose another address")
    #expect(throws: HTTPError.self) { try HTTPServer(host: "no such host", port: 0, hosts: .any) }
  }

  /// Without work it sleeps: nothing is due, and its descriptor is quiet.
  @Test func nothingIsDueWithoutWork() throws {
    let served = try Served()
    served.turn()
    #expect(served.server.nextDeadline == .never)
    #expect(try served.get("/").status == 200)
    try served.until("the end of the connection") { served.server.connections == 0 }
    #expect(served.server.nextDeadline == .never)
  }
}
