// Memory of a received frame.

internal import CZeroMQ

/// One received frame. It is reused for the next, so receiving allocates nothing here.
public final class FrameSlot {
  let message: UnsafeMutablePointer<zmq_msg_t>

  public init() {
    message = .allocate(capacity: 1)
    zmq_msg_init(message)
  }

  deinit {
    zmq_msg_close(message)
    message.deallocate()
  }

  /// The frame's bytes; valid until the next receive into this slot.
  public var bytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: zmq_msg_data(message), count: zmq_msg_size(message))
  }

  var hasMore: Bool { zmq_msg_more(message) != 0 }
}
