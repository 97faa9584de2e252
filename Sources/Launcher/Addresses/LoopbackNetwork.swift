// A network of loopback addresses for one run.

internal import Glibc

/// Gives every instance of a run a separate loopback address, so that all replicas of a service can
/// listen on the same port and runs do not collide.
///
/// A run holds prefixes 127.a.b.0 with a in 64…126. It holds one by listening on 127.a.b.254:7700,
/// which fails for every other run. An instance keeps its address for the whole run, also across
/// restarts.
public struct LoopbackNetwork: ~Copyable {
  /// Port of the lock socket.
  public static let lockPort: UInt16 = 7700
  private static let hostsPerPrefix = 253
  private static let attemptsMax = 100

  private var prefixes: [String] = []
  private var locks: [Int32] = []
  private var hosts: [Instance: String] = [:]
  private var generator: any RandomNumberGenerator

  /// - Parameter generator: draws the prefixes.
  /// - Throws: `LaunchError` if no prefix is free.
  public init(generator: consuming some RandomNumberGenerator) throws(LaunchError) {
    self.generator = generator
    try acquirePrefix()
  }

  deinit {
    for lock in locks { close(lock) }
  }

  /// The prefixes held, as `127.80.3`.
  public var heldPrefixes: [String] { prefixes }

  /// The address of an instance; the same at each call.
  ///
  /// - Throws: `LaunchError` if a further prefix is needed and none is free.
  public mutating func host(of instance: Instance) throws(LaunchError) -> String {
    if let host = hosts[instance] { return host }
    if hosts.count == prefixes.count * Self.hostsPerPrefix { try acquirePrefix() }
    let host = "\(prefixes[prefixes.count - 1]).\(hosts.count % Self.hostsPerPrefix + 1)"
    hosts[instance] = host
    return host
  }

  private mutating func acquirePrefix() throws(LaunchError) {
    for _ in 0..<Self.attemptsMax {
      // Not `random(in:)`: it rejects some draws and would not return if a generator repeats
      // itself.
      let draw: UInt64 = generator.next()
      let a = UInt8(64 + draw % 63)
      let b = UInt8(truncatingIfNeeded: draw >> 32)
      guard let lock = try Self.listen(a, b) else { continue }
      prefixes.append("127.\(a).\(b)")
      locks.append(lock)
      return
    }
    throw LaunchError(
      "expected a free loopback prefix 127.a.b.0, found none in \(Self.attemptsMax) attempts; stop other runs, "
        + "or the program that listens on port \(Self.lockPort) of all addresses")
  }

  /// A socket that listens on a prefix's lock address; nil if the address is in use.
  private static func listen(_ a: UInt8, _ b: UInt8) throws(LaunchError) -> Int32? {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else {
      throw LaunchError(
        "cannot open a socket: \(POSIXProcessHost.errorText(errno)); raise the limit of open files")
    }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = lockPort.bigEndian
    address.sin_addr.s_addr = (127 << 24 | UInt32(a) << 16 | UInt32(b) << 8 | 254).bigEndian
    let isBound = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
    if isBound, Glibc.listen(descriptor, 1) == 0 { return descriptor }
    let code = errno
    close(descriptor)
    if code == EADDRINUSE { return nil }
    throw LaunchError(
      "cannot listen on 127.\(a).\(b).254:\(lockPort): \(POSIXProcessHost.errorText(code)); "
        + "the loopback interface must be up with all of 127.0.0.0/8")
  }
}
