// A command's end of the control socket.

internal import FoundationEssentials
public import Foundations
internal import Glibc

/// Sends requests to the launcher of a run's folder.
public enum ControlClient {
  /// Sends one request and waits for the reply.
  ///
  /// - Returns: nil if no launcher runs in the folder.
  /// - Throws: `LaunchError` if the folder belongs to another user, or the launcher does not reply
  ///   in time or is another version.
  public static func ask(
    _ request: ControlRequest, folder: String, timeout: Instant.Span = .seconds(10)
  ) throws(LaunchError) -> ControlReply? {
    let socket: ControlSocket.Opened
    do throws(ControlSocketError) {
      socket = try ControlSocket.Opened(folder)
    } catch {
      if error.code == ENOENT || error.code == ENOTDIR { return nil }
      throw failure("cannot reach the launcher of \(folder)", error.code)
    }
    // Replies are trusted, and in another user's folder any process may reply.
    guard socket.owner == geteuid() || geteuid() == 0 else {
      throw LaunchError(
        "\(folder) belongs to another user (uid \(socket.owner)), so its launcher is not asked; run this as that user"
      )
    }
    let deadline = SystemClock.now() + timeout
    while socket.name({ connect($0, $1, $2) }) != 0 {
      let code = errno
      if code == ENOENT || code == ECONNREFUSED { return nil }
      // EAGAIN: the listener's queue is full.
      guard code == EAGAIN, SystemClock.now() < deadline else {
        throw failure("cannot reach the launcher of \(folder)", code)
      }
      usleep(5_000)
    }
    let data = (try? JSONEncoder().encode(ControlFrame(request))) ?? Data()
    let line = Array(data) + [UInt8(ascii: "\n")]
    // A request fits into a socket's buffer, so it is sent whole or not at all.
    guard send(socket.descriptor, line, line.count, Int32(MSG_NOSIGNAL)) == line.count else {
      // The launcher ended after the connection was made.
      if errno == EPIPE || errno == ECONNRESET { return nil }
      throw failure("cannot ask the launcher of \(folder)", errno)
    }
    guard let answer = try read(socket.descriptor, until: deadline, folder) else { return nil }
    return try decode(answer, folder)
  }

  /// The bytes of the reply; nil if the launcher ended first.
  private static func read(
    _ descriptor: Int32, until deadline: Instant, _ folder: String
  ) throws(LaunchError) -> [UInt8]? {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while bytes.last != UInt8(ascii: "\n") {
      let left = deadline - SystemClock.now()
      var item = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      guard left > .zero, poll(&item, 1, Int32(left.milliseconds.rounded(.up))) > 0 || errno == EINTR else {
        throw LaunchError("the launcher of \(folder) does not answer in time; see \(folder)/logs")
      }
      let count = Glibc.read(descriptor, &buffer, buffer.count)
      if count < 0, errno == EAGAIN || errno == EINTR { continue }
      guard count > 0 else { return nil }
      bytes += buffer[..<count]
      guard bytes.count <= ControlSocket.replyBytesMax else {
        throw LaunchError(
          "the launcher of \(folder) answers with more than \(ControlSocket.replyBytesMax) bytes")
      }
    }
    return bytes
  }

  private static func decode(_ bytes: [UInt8], _ folder: String) throws(LaunchError) -> ControlReply {
    guard let frame = try? JSONDecoder().decode(ControlFrame<ControlReply>.self, from: Data(bytes)) else {
      throw LaunchError(
        "the launcher of \(folder) is another version of rookery; stop it with the version that started it, or with kill"
      )
    }
    return frame.body
  }

  private static func failure(_ what: String, _ code: Int32) -> LaunchError {
    LaunchError("\(what): \(POSIXProcessHost.errorText(code))")
  }
}
