// A sink that keeps what a machine sends.

import Experience
import Foundations
import Wire

@testable import Services

/// Keeps frames and publications. `isFull` makes every send fail; `rooms` has the peers without
/// room for answers.
final class ScriptedSink: PublishingSink {
  private(set) var frames: [(bytes: [UInt8], peer: PeerID)] = []
  private(set) var publications: [[UInt8]] = []
  var isFull = false
  /// Peers that have no room now; others have room.
  var rooms: [PeerID: Room] = [:]
  /// The peer that the next frame must go to.
  private var begun: PeerID?

  func send(_ bytes: UnsafeRawBufferPointer, to peer: PeerID) -> Bool {
    guard !isFull else { return false }
    precondition(begun == nil || begun == peer, "a message to another peer was begun")
    begun = nil
    frames.append((Array(bytes), peer))
    return true
  }

  func room(forFrames frames: Int, bytes: Int, to peer: PeerID) -> Room {
    let room = rooms[peer] ?? .now
    if case .now = room { begun = peer }
    return room
  }

  func publish(_ bytes: UnsafeRawBufferPointer) { publications.append(Array(bytes)) }

  func publish(frame: FrameWriter) { publications.append(frame.array()) }

  /// What was sent since the last call.
  func take() -> [Sent] {
    defer { frames.removeAll() }
    return frames.map { Sent(bytes: $0.bytes, peer: $0.peer) }
  }

  func takePublications() -> [Sent] {
    defer { publications.removeAll() }
    return publications.map { Sent(bytes: $0, peer: .service) }
  }
}

/// A frame that a machine sent.
struct Sent {
  var bytes: [UInt8]
  var peer: PeerID

  var type: MessageType? {
    bytes.withUnsafeBytes { bytes in
      var cursor = FrameCursor(bytes)
      return try? cursor.openMessage()
    }
  }

  /// The frame as a message of a type; nil if it is another message.
  func read<Message>(_ body: (inout FrameCursor) throws -> Message) -> Message? {
    bytes.withUnsafeBytes { bytes in
      var cursor = FrameCursor(bytes)
      guard (try? cursor.openMessage()) != nil else { return nil }
      return try? body(&cursor)
    }
  }

  var acknowledgement: Acknowledgement? {
    type == .acknowledgement ? read { try Acknowledgement(from: &$0) } : nil
  }
  var refusal: Refusal? { type == .refusal ? read { try Refusal(from: &$0) } : nil }
  var welcome: Welcome? { type == .welcome ? read { try Welcome(from: &$0) } : nil }
  var hello: Hello? { type == .hello ? read { try Hello(from: &$0) } : nil }
  var sampleRequest: SampleRequest? { type == .sampleRequest ? read { try SampleRequest(from: &$0) } : nil }
  var learner: Learner? { type == .learner ? read { try Learner(from: &$0) } : nil }
  var progress: Progress? { type == .progress ? read { try Progress(from: &$0) } : nil }
  var stepRequest: StepRequest? { type == .stepRequest ? read { try StepRequest(from: &$0) } : nil }
  var stepGrant: StepGrant? { type == .stepGrant ? read { try StepGrant(from: &$0) } : nil }
  var joined: Joined? { type == .joined ? read { try Joined(from: &$0) } : nil }
  var inspection: Inspection? { type == .inspection ? read { try Inspection(from: &$0) } : nil }
  var health: Health? { type == .health ? read { try Health(from: &$0) } : nil }
  var status: Status? { type == .status ? read { try Status(from: &$0) } : nil }
  var insertSequence: UInt64? { type == .insert ? read { try Insert.sequence(from: &$0) } : nil }
}

/// The bytes of a frame that `body` writes.
func frame(_ body: (FrameWriter) -> Void) -> [UInt8] {
  let writer = FrameWriter()
  body(writer)
  return writer.array()
}

extension Instant {
  /// Milliseconds after the start of a test.
  static func at(_ milliseconds: Double) -> Instant { .zero + .seconds(10) + .milliseconds(milliseconds) }
}
