// Memory that is sent from where it lies.

internal import CZeroMQ
internal import Synchronization

/// Memory for frames that libzmq sends without copying them; comes back when they are sent, and is used again.
///
/// Fresh pages cost more than the copy that this saves, so as much as `spareMax` bytes are kept.
public final class SendMemory: Sendable {
  private struct Piece {
    var address: UInt
    var capacity: Int
  }
  private struct Spare {
    var pieces: [Piece] = []
    var bytes = 0
  }

  private let spare = Mutex(Spare())
  private let spareMax: Int

  public init(spareMax: Int = 64 << 20) {
    self.spareMax = spareMax
  }

  deinit {
    spare.withLock { spare in
      for piece in spare.pieces { UnsafeMutableRawPointer(bitPattern: piece.address)?.deallocate() }
    }
  }

  /// Memory to write a frame into: what was used last, or else `byteCount` fresh bytes. Who takes it owns it, and may
  /// deallocate it.
  public func take(byteCount: Int) -> UnsafeMutableRawBufferPointer {
    let piece = spare.withLock { spare -> Piece? in
      let last = spare.pieces.popLast()
      spare.bytes -= last?.capacity ?? 0
      return last
    }
    if let piece {
      return UnsafeMutableRawBufferPointer(
        start: UnsafeMutableRawPointer(bitPattern: piece.address), count: piece.capacity)
    }
    return .allocate(byteCount: byteCount, alignment: 64)
  }

  /// Takes memory that nobody uses any more. Any thread may call it: libzmq does so on its own.
  fileprivate func giveBack(_ memory: UnsafeMutableRawPointer, capacity: Int) {
    let piece = Piece(address: UInt(bitPattern: memory), capacity: capacity)
    let isKept = spare.withLock { spare in
      guard spare.bytes + capacity <= spareMax else { return false }
      spare.pieces.append(piece)
      spare.bytes += capacity
      return true
    }
    if !isKept { memory.deallocate() }
  }

  /// What libzmq holds while it sends.
  private final class Loan {
    let owner: SendMemory
    let capacity: Int

    init(_ owner: SendMemory, capacity: Int) {
      self.owner = owner
      self.capacity = capacity
    }
  }

  /// Fills `message` with the first `count` bytes of `memory`, which comes back here once the message is sent or closed.
  func lend(
    _ memory: UnsafeMutableRawBufferPointer, count: Int, to message: UnsafeMutablePointer<zmq_msg_t>
  ) {
    let loan = Unmanaged.passRetained(Loan(self, capacity: memory.count))
    let release: @convention(c) (UnsafeMutableRawPointer?, UnsafeMutableRawPointer?) -> Void = {
      @Sendable data, hint in
      let loan = Unmanaged<Loan>.fromOpaque(hint!).takeRetainedValue()
      loan.owner.giveBack(data!, capacity: loan.capacity)
    }
    zmq_msg_init_data(message, memory.baseAddress, count, release, loan.toOpaque())
  }
}
