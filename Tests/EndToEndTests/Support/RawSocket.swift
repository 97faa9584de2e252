// A plain ZeroMQ socket.

import CZeroMQ
import Wire

/// A socket that sends any number of frames under any identity, for one thread.
final class RawSocket {
  enum Kind {
    case dealer, subscriber
    /// An XSUB socket: subscribes by messages, and can send anything upstream.
    case upstream

    var code: Int32 {
      switch self {
      case .dealer: ZMQ_DEALER
      case .subscriber: ZMQ_SUB
      case .upstream: ZMQ_XSUB
      }
    }
  }

  private let context: UnsafeMutableRawPointer
  private let socket: UnsafeMutableRawPointer

  init(_ kind: Kind, to address: String, identity: [UInt8] = []) throws {
    guard let context = zmq_ctx_new(),
      let socket = zmq_socket(context, kind.code)
    else { throw TimedOut(description: "no socket") }
    (self.context, self.socket) = (context, socket)
    set(ZMQ_LINGER, 0)
    set(ZMQ_RCVTIMEO, 10_000)
    set(ZMQ_SNDTIMEO, 10_000)
    if !identity.isEmpty { zmq_setsockopt(socket, ZMQ_ROUTING_ID, identity, identity.count) }
    guard zmq_connect(socket, address) == 0 else {
      throw TimedOut(description: "cannot connect to \(address)")
    }
  }

  deinit {
    zmq_close(socket)
    zmq_ctx_term(context)
  }

  func set(_ option: Int32, _ value: Int32) {
    withUnsafeBytes(of: value) { _ = zmq_setsockopt(socket, option, $0.baseAddress, $0.count) }
  }

  func subscribe(_ prefix: [UInt8]) { zmq_setsockopt(socket, ZMQ_SUBSCRIBE, prefix, prefix.count) }

  /// Sends frames as one message; throws if no peer accepts it.
  func send(_ frames: [UInt8]...) throws {
    for (index, frame) in frames.enumerated() {
      guard zmq_send(socket, frame, frame.count, index < frames.count - 1 ? ZMQ_SNDMORE : 0) >= 0 else {
        throw TimedOut(description: "no peer accepted a frame: \(String(cString: zmq_strerror(zmq_errno())))")
      }
    }
  }

  /// Encodes and sends a message.
  func send(_ encode: (FrameWriter) -> Void) throws {
    let writer = FrameWriter()
    encode(writer)
    try send(writer.array())
  }

  /// The next frame.
  func receive() throws -> [UInt8] {
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    let count = zmq_recv(socket, &buffer, buffer.count, 0)
    guard count >= 0 else {
      throw TimedOut(description: "no answer: \(String(cString: zmq_strerror(zmq_errno())))")
    }
    return Array(buffer.prefix(Int(count)))
  }

  /// The next refusal; skips other messages.
  func refusal() throws -> Refusal {
    try answer(.refusal) { try Refusal(from: &$0) }
  }

  /// The next message of a type.
  func answer<Message>(_ type: MessageType, _ decode: (inout FrameCursor) throws -> Message) throws -> Message
  {
    for _ in 0..<10_000 {
      let found: Message? = try receive().withUnsafeBytes { bytes in
        var cursor = FrameCursor(bytes)
        return try cursor.openMessage() == type ? decode(&cursor) : nil
      }
      if let found { return found }
    }
    throw TimedOut(description: "no message of type \(type) among many")
  }

  /// Asks for health and waits for the answer.
  func health() throws -> Health {
    try send { HealthRequest.encode(into: $0) }
    return try answer(.health) { try Health(from: &$0) }
  }
}
