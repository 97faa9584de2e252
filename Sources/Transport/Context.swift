// The ZeroMQ context.

internal import CZeroMQ

/// Owns a ZeroMQ context. Each socket keeps it alive, so it ends after the last of them: ending it
/// with a socket open would hang for ever.
///
/// `@unchecked Sendable`: its only stored property is a constant, and libzmq documents contexts as
/// thread safe.
final class Context: @unchecked Sendable {
  let pointer: UnsafeMutableRawPointer

  /// - Parameter ioThreads: one serves about 3 GB/s; a second one made no measurable difference.
  init(ioThreads: Int32 = 1) {
    guard let pointer = zmq_ctx_new() else { preconditionFailure("out of memory for a ZeroMQ context") }
    self.pointer = pointer
    zmq_ctx_set(pointer, ZMQ_IO_THREADS, ioThreads)
    zmq_ctx_set(pointer, ZMQ_MAX_SOCKETS, 1023)
  }

  deinit {
    while zmq_ctx_term(pointer) != 0 && zmq_errno() == EINTR {}
  }
}
