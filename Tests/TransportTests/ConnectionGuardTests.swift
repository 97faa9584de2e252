// Connections that send more than an honest client does.

import Foundations
import Glibc
import Testing

@testable import Transport

@Suite struct ConnectionAccountsTests {
  private let allowance = ConnectionGuard.Allowance(burst: 1000, perSecond: 100)

  @Test func aBurstAndARateAreAllowed() {
    var accounts = ConnectionAccounts(allowance)
    #expect(accounts.record([1: 1000], elapsed_s: 0).isEmpty)
    var sent: UInt64 = 1000
    for _ in 0..<100 {
      sent += 50
      #expect(accounts.record([1: sent], elapsed_s: 0.5).isEmpty)
    }
    #expect(accounts.record([1: sent + 51], elapsed_s: 0.5) == [1])
  }

  @Test func aBurstIsEarnedAnewAndNoMore() {
    var accounts = ConnectionAccounts(allowance)
    #expect(accounts.record([1: 1000], elapsed_s: 0).isEmpty)
    #expect(accounts.record([1: 1000], elapsed_s: 1e6).isEmpty)
    #expect(accounts.record([1: 2000], elapsed_s: 0).isEmpty)
    #expect(accounts.record([1: 2001], elapsed_s: 0) == [1])
  }

  /// A connection that closes late is cut only once.
  @Test func eachIsNamedOnce() {
    var accounts = ConnectionAccounts(allowance)
    #expect(Set(accounts.record([1: 5000, 2: 10, 3: 1001], elapsed_s: 0)) == [1, 3])
    #expect(accounts.record([1: 9000, 2: 10, 3: 1001], elapsed_s: 1).isEmpty)
    #expect(accounts.record([1: 9000, 2: 1011, 3: 1001], elapsed_s: 0) == [2])
  }

  @Test func oneThatIsGoneIsForgotten() {
    var accounts = ConnectionAccounts(allowance)
    #expect(accounts.record([1: 900], elapsed_s: 0).isEmpty)
    #expect(accounts.record([:], elapsed_s: 0).isEmpty)
    #expect(accounts.record([1: 900], elapsed_s: 0).isEmpty)
    #expect(accounts.record([1: 2000], elapsed_s: 0) == [1])
  }
}

/// Real connections over the loopback. Waits end with bytes or with an end of file.
@Suite(.timeLimit(.minutes(2))) struct ConnectionGuardTests {
  private let server = Listener()
  private let allowance = ConnectionGuard.Allowance(burst: 10_000, perSecond: 1)

  @Test func oneThatSendsTooMuchIsCutOff() throws {
    let (flood, polite) = (try server.connected(), try server.connected())
    let guardian = try ConnectionGuard(port: server.port, allowance: allowance)
    try polite.client.write(10_000)
    flood.client.flood()
    #expect(flood.client.isAtEnd(), "its peer's end is closed both ways")
    // It stays open on this side, and counts only once.
    let later = try server.connected()
    later.client.flood()
    #expect(later.client.isAtEnd() && guardian.cut == 2)

    // The honest one goes on, in both directions.
    #expect(try polite.server.read(10_000))
    try polite.server.write(3)
    #expect(try polite.client.read(3))
    #expect(guardian.cut == 2)
  }

  /// Connections of another port, and descriptors that are no sockets, are ignored.
  @Test func othersAreLeftAlone() throws {
    let other = Listener()
    let (stranger, flood) = (try other.connected(), try server.connected())
    let guardian = try ConnectionGuard(port: server.port, allowance: allowance)
    try stranger.client.write(100_000)
    flood.client.flood()
    #expect(flood.client.isAtEnd())
    #expect(try stranger.server.read(100_000))
    #expect(guardian.cut == 1)
    // It carries as much in the other direction, too.
    try stranger.server.write(100_000)
    #expect(try stranger.client.read(100_000))
    #expect(guardian.cut == 1)
  }

  /// Bytes that a process sends do not count.
  @Test func whatIsSentToAClientDoesNotCount() throws {
    let (client, flood) = (try server.connected(), try server.connected())
    let guardian = try ConnectionGuard(port: server.port, allowance: allowance)
    try client.server.write(100_000)
    #expect(try client.client.read(100_000))
    flood.client.flood()
    #expect(flood.client.isAtEnd() && guardian.cut == 1)
    try client.client.write(1)
    #expect(try client.server.read(1))
  }
}

/// A port of the kernel's choice.
private final class Listener: Sendable {
  private let descriptor: Int32
  let port: UInt16

  init() {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = Self.loopback(0)
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let code = withUnsafeMutablePointer(to: &address) { [descriptor] pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, size) | listen(descriptor, 8) | getsockname(descriptor, $0, &size)
      }
    }
    precondition(code == 0, "no port to listen on")
    port = UInt16(bigEndian: address.sin_port)
  }

  deinit { close(descriptor) }

  private static func loopback(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return address
  }

  /// Both ends of a new connection.
  func connected() throws -> (client: End, server: End) {
    let client = End(socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
    let code = withUnsafeBytes(of: Self.loopback(port)) { bytes in
      connect(
        client.descriptor, bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
    }
    try #require(code == 0)
    return (client, End(accept(descriptor, nil, nil)))
  }
}

/// One end of a connection. A wait beyond the limit fails.
private final class End {
  let descriptor: Int32

  init(_ descriptor: Int32) {
    self.descriptor = descriptor
    var limit = timeval(tv_sec: 20, tv_usec: 0)
    for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
      setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
    }
  }

  deinit { close(descriptor) }

  private func write(_ bytes: [UInt8]) -> Int {
    // MSG_NOSIGNAL, which Swift imports as one type or another.
    send(descriptor, bytes, bytes.count, 0x4000)
  }

  func write(_ count: Int) throws {
    var left = count
    while left > 0 {
      let written = write([UInt8](repeating: 1, count: left))
      try #require(written > 0)
      left -= written
    }
  }

  /// Sends up to ten times the allowance.
  func flood() {
    let chunk = [UInt8](repeating: 1, count: 10_000)
    for _ in 0..<10 where write(chunk) < 0 { return }
  }

  /// Whether the other side has ended the connection.
  func isAtEnd() -> Bool {
    var byte: UInt8 = 0
    let count = recv(descriptor, &byte, 1, 0)
    return count == 0 || count < 0 && errno == ECONNRESET
  }

  /// Reads this many bytes; false if the connection ends before.
  func read(_ count: Int) throws -> Bool {
    var left = count
    var buffer = [UInt8](repeating: 0, count: count)
    while left > 0 {
      let received = recv(descriptor, &buffer, left, 0)
      guard received > 0 else { return false }
      left -= received
    }
    return true
  }
}
