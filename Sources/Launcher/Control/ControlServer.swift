// The launcher's end of the control socket.

internal import FoundationEssentials
public import Foundations
internal import Glibc

/// Answers requests on the socket of a run's folder. It never blocks: its owner polls `descriptors`
/// for reading and calls `serve`. Only the user who started it and root can connect, with at most
/// `connectionsMax` connections, each for at most `patience`.
public struct ControlServer: ~Copyable {
  private static var connectionsMax: Int { 16 }
  private static var patience: Instant.Span { .seconds(5) }
  /// Time after which the rest of a reply is sent that did not fit the socket's buffer.
  private static var writeAgain: Instant.Span { .milliseconds(5) }

  private struct Connection {
    var received: [UInt8] = []
    var unsent: ArraySlice<UInt8>?
    var until: Instant
  }

  private let folder: String
  private let listener: Int32
  private var connections: [Int32: Connection] = [:]
  /// Set while the system has no free descriptor.
  private var acceptsAgainAt: Instant?

  /// - Parameter folder: the run's folder. The caller holds its lock, so that an existing socket
  ///   file is what a killed launcher left and can be replaced.
  /// - Throws: `LaunchError` if it cannot listen there.
  public init(folder: String) throws(LaunchError) {
    self.folder = folder
    do throws(ControlSocketError) {
      var opened = try ControlSocket.Opened(folder)
      unlinkat(opened.folder, ControlSocket.fileName, 0)
      let mask = umask(0o177)
      let isBound = opened.name { bind($0, $1, $2) } == 0
      let code = errno
      umask(mask)
      guard isBound, listen(opened.descriptor, Int32(Self.connectionsMax)) == 0 else {
        throw ControlSocketError(code: isBound ? errno : code)
      }
      listener = opened.releaseDescriptor()
    } catch {
      throw LaunchError(
        "cannot listen on \(folder)/\(ControlSocket.fileName): \(POSIXProcessHost.errorText(error.code)); "
          + "check the folder's permissions, and that its file system supports sockets")
    }
  }

  deinit {
    for descriptor in connections.keys { close(descriptor) }
    close(listener)
    unlink("\(folder)/\(ControlSocket.fileName)")
  }

  /// The descriptors that the owner polls for reading.
  public var descriptors: [Int32] {
    let open = connections.filter { $0.value.unsent == nil }.keys.sorted()
    // Without the listener a connection that cannot be accepted now does not wake the owner.
    return connections.count < Self.connectionsMax && acceptsAgainAt == nil ? open + [listener] : open
  }

  /// The latest time of the next call to `serve`.
  public func nextDeadline(now: Instant) -> Instant {
    if connections.values.contains(where: { $0.unsent != nil }) { return now + Self.writeAgain }
    return min(acceptsAgainAt ?? .never, connections.values.map(\.until).min() ?? .never)
  }

  /// Reads what has arrived, and answers complete requests. Does not block.
  public mutating func serve(now: Instant, _ answer: (ControlRequest) -> ControlReply) {
    accept(now: now)
    for descriptor in connections.keys.sorted() {
      guard var connection = connections[descriptor] else { continue }
      var isOpen = now < connection.until
      if isOpen, connection.unsent == nil {
        isOpen = Self.read(descriptor, &connection.received)
        if let end = connection.received.firstIndex(of: UInt8(ascii: "\n")) {
          connection.unsent = Self.reply(to: connection.received[..<end], answer)[...]
          isOpen = true
        }
      }
      if isOpen, let unsent = connection.unsent {
        let rest = Self.write(descriptor, unsent)
        connection.unsent = rest
        isOpen = rest?.isEmpty == false
      }
      if isOpen {
        connections[descriptor] = connection
      } else {
        connections[descriptor] = nil
        close(descriptor)
      }
    }
  }

  private mutating func accept(now: Instant) {
    if let again = acceptsAgainAt, now < again { return }
    acceptsAgainAt = nil
    while connections.count < Self.connectionsMax {
      let descriptor = Glibc.accept(listener, nil, nil)
      guard descriptor >= 0 else {
        if errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS {
          acceptsAgainAt = now + .seconds(1)
        }
        return
      }
      _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
      _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
      connections[descriptor] = Connection(until: now + Self.patience)
    }
  }

  /// False once the peer has closed the connection or sent too much.
  private static func read(_ descriptor: Int32, _ bytes: inout [UInt8]) -> Bool {
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = Glibc.read(descriptor, &buffer, buffer.count)
      if count < 0 { return errno == EAGAIN || errno == EINTR }
      if count == 0 { return false }
      bytes += buffer[..<count]
      if bytes.count > ControlSocket.requestBytesMax { return false }
    }
  }

  /// The bytes left to send; nil if the peer has closed the connection.
  private static func write(_ descriptor: Int32, _ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    var rest = bytes
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes {
        send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if count < 0 { return errno == EAGAIN || errno == EINTR ? rest : nil }
      rest = rest.dropFirst(count)
    }
    return rest
  }

  private static func reply(to line: ArraySlice<UInt8>, _ answer: (ControlRequest) -> ControlReply) -> [UInt8]
  {
    let (decoder, data) = (JSONDecoder(), Data(line))
    var reply = ControlReply(
      problem: "the launcher does not understand the request; use the same version of rookery as the launcher"
    )
    if let version = try? decoder.decode(ControlVersion.self, from: data).version {
      if let frame = try? decoder.decode(ControlFrame<ControlRequest>.self, from: data),
        version == ControlFrame<ControlRequest>.current
      {
        reply = answer(frame.body)
      }
    }
    let bytes = try? JSONEncoder().encode(ControlFrame(reply))
    return Array(bytes ?? Data()) + [UInt8(ascii: "\n")]
  }
}
