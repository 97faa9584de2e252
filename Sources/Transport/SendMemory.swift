// Memory that is sent without a copy.

internal import CZeroMQ
public import Foundations
internal import Synchronization

/// Memory for frames that libzmq sends without copying them. It returns here once a frame is sent,
/// and is reused.
///
/// Fresh pages cost more than the copy that this saves, so up to `spareMax` bytes are kept. What
/// libzmq holds is counted by peer: only so can a service know how much has left this process.
public final class SendMemory: Sendable {
  private struct Piece {
    var address: UInt
    var capacity: Int
  }

  /// Frames and bytes that libzmq holds.
  public struct Load: Hashable, Sendable {
    /// Frames that are not sent yet.
    public var frames = 0
    /// Bytes of memory that these frames keep.
    public var bytes = 0

    public init() {}

    fileprivate mutating func add(_ frames: Int, _ bytes: Int) {
      self.frames += frames
      self.bytes += bytes
    }
  }

  private struct State {
    var pieces: [Piece] = []
    var spareBytes = 0
    /// The peers for which libzmq holds something.
    var loads: [PeerID: Load] = [:]
    var load = Load()
    var isAwaited = false
  }

  private let state = Mutex(State())
  private let spareMax: Int
  private let wakeUp: WakeUp?

  /// - Parameter wakeUp: signalled when memory returns after `awaitReturn`.
  public init(spareMax: Int = 64 << 20, wakeUp: WakeUp? = nil) {
    self.spareMax = spareMax
    self.wakeUp = wakeUp
  }

  deinit {
    state.withLock { state in
      for piece in state.pieces { UnsafeMutableRawPointer(bitPattern: piece.address)?.deallocate() }
    }
  }

  /// What libzmq holds for a peer, and for all.
  public func load(of peer: PeerID) -> (own: Load, all: Load) {
    state.withLock { ($0.loads[peer] ?? Load(), $0.load) }
  }

  /// Signals the wake-up once, when memory next returns from libzmq.
  public func awaitReturn() { state.withLock { $0.isAwaited = true } }

  /// Memory to write a frame into: the piece that was used last, or else `byteCount` fresh bytes.
  /// The caller owns it, and may deallocate it.
  public func allocate(byteCount: Int) -> UnsafeMutableRawBufferPointer {
    let piece = state.withLock { state -> Piece? in
      let last = state.pieces.popLast()
      state.spareBytes -= last?.capacity ?? 0
      return last
    }
    if let piece {
      return UnsafeMutableRawBufferPointer(
        start: UnsafeMutableRawPointer(bitPattern: piece.address), count: piece.capacity)
    }
    return .allocate(byteCount: byteCount, alignment: 64)
  }

  /// Keeps or frees memory that is no longer used. Any thread may call it: libzmq calls it from its
  /// own.
  private func giveBack(_ memory: UnsafeMutableRawPointer, _ loan: Loan) {
    let piece = Piece(address: UInt(bitPattern: memory), capacity: loan.capacity)
    let (isKept, isAwaited) = state.withLock { state -> (Bool, Bool) in
      state.load.add(-1, -loan.capacity)
      state.loads[loan.peer]?.add(-1, -loan.capacity)
      if state.loads[loan.peer]?.frames == 0 { state.loads[loan.peer] = nil }
      let isAwaited = state.isAwaited
      state.isAwaited = false
      guard state.spareBytes + loan.capacity <= spareMax else { return (false, isAwaited) }
      state.pieces.append(piece)
      state.spareBytes += loan.capacity
      return (true, isAwaited)
    }
    if !isKept { memory.deallocate() }
    if isAwaited { wakeUp?.signal() }
  }

  /// Memory that libzmq holds while it sends.
  private final class Loan {
    let owner: SendMemory
    let peer: PeerID
    let capacity: Int

    init(_ owner: SendMemory, _ peer: PeerID, capacity: Int) {
      self.owner = owner
      self.peer = peer
      self.capacity = capacity
    }
  }

  /// Fills `message` with the first `count` bytes of `memory`, which returns here once the message
  /// is sent or closed.
  func lend(
    _ memory: UnsafeMutableRawBufferPointer, count: Int, to message: UnsafeMutablePointer<zmq_msg_t>,
    for peer: PeerID
  ) {
    let loan = Unmanaged.passRetained(Loan(self, peer, capacity: memory.count))
    state.withLock { state in
      state.load.add(1, memory.count)
      state.loads[peer, default: Load()].add(1, memory.count)
    }
    let release: @convention(c) (UnsafeMutableRawPointer?, UnsafeMutableRawPointer?) -> Void = {
      @Sendable data, hint in
      let loan = Unmanaged<Loan>.fromOpaque(hint!).takeRetainedValue()
      loan.owner.giveBack(data!, loan)
    }
    zmq_msg_init_data(message, memory.baseAddress, count, release, loan.toOpaque())
  }
}
