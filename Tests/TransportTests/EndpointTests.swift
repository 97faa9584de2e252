// Addresses as people write them.

import Testing
import Transport

@Suite struct EndpointTests {
  @Test(arguments: [
    "tcp://127.0.0.1:7701", "tcp://replay:1", "tcp://[::1]:65535", "tcp://*:*", "ipc:///tmp/x",
    "ipc://relative",
  ])
  func isReadAndWrittenTheSame(_ text: String) throws {
    #expect(try Endpoint(text).description == text)
  }

  @Test func parts() throws {
    #expect(try Endpoint("tcp://replay:7701").kind == .tcp(host: "replay", port: "7701"))
    #expect(try Endpoint("tcp://[::1]:80").kind == .tcp(host: "[::1]", port: "80"))
    #expect(try Endpoint("ipc:///run/a:b").kind == .ipc(path: "/run/a:b"))
  }

  @Test(arguments: [
    ("", "tcp://HOST:PORT or ipc://PATH"), ("127.0.0.1:7701", "tcp://HOST:PORT or ipc://PATH"),
    ("udp://a:1", "tcp://HOST:PORT or ipc://PATH"), ("tcp://", "tcp://HOST:PORT"),
    ("tcp://:80", "tcp://HOST:PORT"),
    ("tcp://host", "tcp://HOST:PORT"), ("tcp://host:", "a port 1…65535 or *"),
    ("tcp://host:0", "a port 1…65535 or *"),
    ("tcp://host:65536", "a port 1…65535 or *"), ("tcp://host:+80", "a port 1…65535 or *"),
    ("tcp://host:-1", "a port 1…65535 or *"), ("tcp://host:http", "a port 1…65535 or *"),
    ("ipc://", "ipc:// and a path of 1 to 107 bytes"),
  ])
  func isRefused(_ text: String, _ expected: String) {
    let error = #expect(throws: EndpointError.self) { try Endpoint(text) }
    #expect(error?.description == "address '\(text)': expected \(expected)")
  }

  /// A socket's address holds 107 bytes: longer paths cannot be bound, so they are refused.
  @Test func longestPath() throws {
    let path = "/" + String(repeating: "é", count: 53)
    #expect(path.utf8.count == 107)
    #expect(try Endpoint("ipc://\(path)").kind == .ipc(path: path))
    let error = #expect(throws: EndpointError.self) { try Endpoint("ipc://\(path)x") }
    #expect(error?.description.contains("expected ipc:// and a path of 1 to 107 bytes") == true)
  }

  @Test(arguments: [
    ("tcp://127.0.0.1:1", true), ("tcp://127.255.3.4:1", true), ("tcp://localhost:1", true),
    ("tcp://[::1]:1", true),
    ("ipc:///tmp/x", true), ("tcp://127.0.0.1.example.com:1", false), ("tcp://127.0.0:1", false),
    ("tcp://127.0.0.256:1", false), ("tcp://127.0.0.+1:1", false), ("tcp://128.0.0.1:1", false),
    ("tcp://0.0.0.0:1", false),
    ("tcp://*:1", false), ("tcp://[::]:1", false), ("tcp://replay:1", false),
  ])
  func whoCanReachIt(_ text: String, isLocal: Bool) throws {
    #expect(try Endpoint(text).isLocal == isLocal)
  }

  @Test func lists() throws {
    let both = try Endpoint.list("tcp://a:1,ipc://x")
    #expect(both.map(\.description) == ["tcp://a:1", "ipc://x"])
  }

  @Test(arguments: [
    ("", "at least one address"), (",", "at least one address"), ("tcp://a:1,b", "tcp://HOST:PORT"),
  ])
  func listsThatAreRefused(_ text: String, _ expected: String) {
    let error = #expect(throws: EndpointError.self) { try Endpoint.list(text) }
    #expect(error?.expected.hasPrefix(expected) == true)
  }

  @Test func listeningElsewhere() throws {
    #expect(try Endpoint("tcp://replay:7701").listening(on: "0.0.0.0").description == "tcp://0.0.0.0:7701")
    #expect(try Endpoint("ipc:///tmp/x").listening(on: "0.0.0.0").description == "ipc:///tmp/x")
  }
}
