// A DEALER in bare bytes, for what real sockets never send (ZMTP 3.0, rfc.zeromq.org/spec/23).

import Glibc
import Testing

/// Speaks to a router over TCP with a chosen identity and chosen frames. It reads nothing but the
/// handshake, so its end may reset the connection: keep it until its messages have been received.
final class RawPeer {
  private let descriptor: Int32

  /// - Parameter endpoint: `tcp://127.0.0.1:PORT`.
  init(_ endpoint: String, identity: [UInt8]) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    try #require(descriptor >= 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = try #require(UInt16(endpoint.split(separator: ":").last!)).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let connected = withUnsafeBytes(of: address) { bytes in
      connect(
        descriptor, bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
    }
    try #require(connected == 0)
    // The handshake ends before anything is sent: a message that comes together with it would wait
    // for the next one (libzmq 4.3.4).
    try write(Self.greeting + Self.ready(identity))
    _ = try read(Self.greeting.count)
    let command = try read(2)
    _ = try read(Int(command[1]))
  }

  deinit {
    close(descriptor)
  }

  /// Sends one message of these frames, each below 256 bytes.
  func send(_ frames: [[UInt8]]) throws {
    for (index, frame) in frames.enumerated() {
      let more: UInt8 = index < frames.count - 1 ? 1 : 0
      try write([more, UInt8(frame.count)] + frame)
    }
  }

  private static let greeting: [UInt8] =
    [0xFF] + zeros(8) + [0x7F, 3, 0] + Array("NULL".utf8) + zeros(16) + [0] + zeros(31)

  private static func ready(_ identity: [UInt8]) -> [UInt8] {
    let body =
      [5] + Array("READY".utf8) + property("Socket-Type", Array("DEALER".utf8))
      + property("Identity", identity)
    // A command; its size in one byte or, above 255, in eight.
    return body.count < 256
      ? [4, UInt8(body.count)] + body
      : [6] + zeros(6) + [UInt8(body.count >> 8), UInt8(body.count & 255)] + body
  }

  private static func property(_ name: String, _ value: [UInt8]) -> [UInt8] {
    [UInt8(name.utf8.count)] + Array(name.utf8) + [0, 0, 0, UInt8(value.count)] + value
  }

  /// MSG_NOSIGNAL, which Swift imports as one type or another.
  private static let noSignal = 0x4000

  private static func zeros(_ count: Int) -> [UInt8] { Array(repeating: 0, count: count) }

  private func read(_ count: Int) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var done = 0
    while done < count {
      let received = bytes.withUnsafeMutableBytes {
        recv(descriptor, $0.baseAddress! + done, count - done, 0)
      }
      try #require(received > 0)
      done += received
    }
    return bytes
  }

  private func write(_ bytes: [UInt8]) throws {
    var done = 0
    while done < bytes.count {
      let written = bytes.withUnsafeBytes {
        Glibc.send(
          descriptor, $0.baseAddress! + done, bytes.count - done, Int32(truncatingIfNeeded: Self.noSignal))
      }
      try #require(written > 0)
      done += written
    }
  }
}
