// Ends connections that send too much.

public import Foundations
internal import Glibc
internal import Synchronization

/// Ends TCP connections to one listening port that send more than an honest client ever does.
///
/// libzmq keeps every subscription that a publisher receives, and offers no limit: ZMQ_XPUB_MANUAL
/// keeps them too, and the high-water mark does not count what is read into its tree. So the
/// connection is bounded instead: the kernel knows how many bytes each has sent. The guard has its
/// own thread, because a flood can keep libzmq busy on the thread that owns the socket. libzmq sees
/// the end of file and forgets the connection's subscriptions. Sockets of other kinds (`ipc://`)
/// have no such count; they are in a folder that belongs to their user alone.
public final class ConnectionGuard: Sendable {
  /// What one connection may send: a token bucket.
  public struct Allowance: Sendable {
    /// Bytes at once.
    public var burst: UInt64
    /// Bytes a second on average.
    public var perSecond: UInt64

    public init(burst: UInt64, perSecond: UInt64) {
      self.burst = burst
      self.perSecond = perSecond
    }
  }

  /// State that owner and thread share.
  private final class Shared: Sendable {
    let cut = Atomic<UInt64>(0)
    let isEnding = Atomic<Bool>(false)
    let port: UInt16
    let allowance: Allowance

    init(_ port: UInt16, _ allowance: Allowance) {
      self.port = port
      self.allowance = allowance
    }

    func watch() {
      var accounts = ConnectionAccounts(allowance)
      var last = SystemClock.now()
      while !isEnding.load(ordering: .relaxed) {
        usleep(ConnectionGuard.every_us)
        let now = SystemClock.now()
        let present = ConnectionGuard.connections(to: port)
        let overdrawn = accounts.record(present.mapValues(\.received), elapsed_s: (now - last).seconds)
        for connection in overdrawn {
          let descriptor = present[connection]!.descriptor
          // The owner may have closed it meanwhile, and opened another.
          guard ConnectionGuard.inode(of: descriptor) == connection else { continue }
          // Counted first: a client that sees the end of file also sees the count.
          cut.add(1, ordering: .releasing)
          shutdown(descriptor, Int32(SHUT_RDWR))
        }
        last = now
      }
    }
  }

  /// A flood can send a few hundred kilobytes before it is noticed.
  private static let every_us: UInt32 = 20_000

  private let shared: Shared
  private let thread: pthread_t

  /// - Parameter port: a port that this process listens on.
  public init(port: UInt16, allowance: Allowance) throws(SystemCallError) {
    shared = Shared(port, allowance)
    var thread = pthread_t()
    let argument = Unmanaged.passRetained(shared)
    let code = pthread_create(
      &thread, nil,
      { argument in
        Unmanaged<Shared>.fromOpaque(argument!).takeRetainedValue().watch()
        return nil
      }, argument.toOpaque())
    guard code == 0 else {
      argument.release()
      throw SystemCallError("start a thread", code: code)
    }
    self.thread = thread
  }

  deinit {
    shared.isEnding.store(true, ordering: .relaxed)
    pthread_join(thread, nil)
  }

  /// Connections that were ended.
  public var cut: UInt64 { shared.cut.load(ordering: .acquiring) }

  /// The open TCP connections to a port of this process, by the inode of their socket. Another
  /// connection may get the descriptor of a closed one, but not its inode.
  private static func connections(to port: UInt16) -> [UInt64: (descriptor: Int32, received: UInt64)] {
    var found: [UInt64: (descriptor: Int32, received: UInt64)] = [:]
    for descriptor in descriptors() {
      guard Self.port(of: descriptor) == port, let received = bytesReceived(descriptor),
        let inode = inode(of: descriptor)
      else { continue }
      found[inode] = (descriptor, received)
    }
    return found
  }

  private static func descriptors() -> [Int32] {
    guard let folder = opendir("/proc/self/fd") else { return [] }
    defer { closedir(folder) }
    var found: [Int32] = []
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if let number = Int32(name) { found.append(number) }
    }
    return found
  }

  /// The inode of a socket: no other open one has it.
  private static func inode(of descriptor: Int32) -> UInt64? {
    var status = stat()
    return fstat(descriptor, &status) == 0 ? UInt64(status.st_ino) : nil
  }

  /// The local port of a TCP socket; nil for all else.
  private static func port(of descriptor: Int32) -> UInt16? {
    var address = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let code = withUnsafeMutableBytes(of: &address) {
      getsockname(descriptor, $0.baseAddress!.assumingMemoryBound(to: sockaddr.self), &length)
    }
    guard code == 0, [AF_INET, AF_INET6].contains(Int32(address.ss_family)) else { return nil }
    // Both families have the port after the family.
    return withUnsafeBytes(of: address) { UInt16(bigEndian: $0.load(fromByteOffset: 2, as: UInt16.self)) }
  }

  /// `tcpi_bytes_received` of the kernel's `struct tcp_info`, which is longer than the C library's.
  /// nil for a socket that is not connected.
  private static func bytesReceived(_ descriptor: Int32) -> UInt64? {
    let place = 128
    var state: UInt8 = 0
    var length = socklen_t(place + 8)
    return withUnsafeTemporaryAllocation(byteCount: place + 8, alignment: 8) { info in
      guard getsockopt(descriptor, Int32(IPPROTO_TCP), TCP_INFO, info.baseAddress, &length) == 0,
        length >= place + 8
      else { return nil }
      state = info[0]
      // 10: TCP_LISTEN.
      return state == 10 ? nil : info.load(fromByteOffset: place, as: UInt64.self)
    }
  }
}

/// How many bytes each connection may still send.
struct ConnectionAccounts {
  private struct Account {
    var seen: UInt64 = 0
    var allowed: Double
    var isCut = false
  }

  private let allowance: ConnectionGuard.Allowance
  private var accounts: [UInt64: Account] = [:]

  init(_ allowance: ConnectionGuard.Allowance) { self.allowance = allowance }

  /// Records how many bytes each connection has sent so far, and forgets the connections that are
  /// not named. Returns those that have exceeded their allowance, each once.
  mutating func record(_ received: [UInt64: UInt64], elapsed_s: Double) -> [UInt64] {
    let burst = Double(allowance.burst)
    var overdrawn: [UInt64] = []
    var present: [UInt64: Account] = [:]
    for (connection, bytes) in received {
      var account = accounts[connection] ?? Account(allowed: burst)
      account.allowed = min(burst, account.allowed + elapsed_s * Double(allowance.perSecond))
      account.allowed -= Double(bytes - min(bytes, account.seen))
      account.seen = bytes
      if account.allowed < 0, !account.isCut {
        account.isCut = true
        overdrawn.append(connection)
      }
      present[connection] = account
    }
    accounts = present
    return overdrawn
  }
}
