// Takes what a machine sends.

import Foundations
import Services
import Wire

/// Everything must be a message that its reader can read; some is dropped as if a queue were full.
struct FuzzSink: FrameSink {
  /// Nil to believe the machine.
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
