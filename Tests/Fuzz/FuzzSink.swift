// Receives what a machine sends.

import Foundations
import Services
import Wire

/// Checks that everything sent can be read; drops some, as if a queue were full.
struct FuzzSink: FrameSink {
  /// Nil: nothing is checked.
  let reader: MessageReader?
  var isFull = false

  func room(forFrames frames: Int, bytes: Int, to peer: PeerID) -> Room { isFull ? .later : .now }

  func send(_ bytes: UnsafeRawBufferPointer, to peer: PeerID) -> Bool {
    do throws(WireError) {
      try reader?.read(bytes)
    } catch {
      fatalError("the machine sent what cannot be read: \(error)")
    }
    return !isFull
  }
}
