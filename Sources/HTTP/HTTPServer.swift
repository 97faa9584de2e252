// A small HTTP server without a thread of its own.

internal import CMicroHTTPD
public import Foundations
internal import Glibc

/// libmicrohttpd on its owner's thread: the owner polls its epoll descriptor, and `run` does the
/// work.
///
/// It serves GET and HEAD only. Connections, bytes of a request and time of a connection are
/// bounded. A connection beyond the limit waits in the kernel's queue until another ends. Belongs
/// to the thread that made it.
public final class HTTPServer {
  /// Bounds of what clients can occupy.
  public struct Limits: Sendable {
    /// Connections at a time.
    public var connections = 64
    /// Bytes of the request line and headers of one request; more is answered by 414 or 431.
    public var requestBytes = 16 << 10
    /// A connection that has been unanswered for this long is closed: idle, slow to ask or slow to
    /// read.
    public var patience = Instant.Span.seconds(15)

    public init() {}
  }

  /// Counted since the server started.
  public struct Counters: Hashable, Sendable {
    /// Requests answered, with any status.
    public var requests: UInt64 = 0
    /// Requests answered by 4xx: another method, another host, or the handler's answer.
    public var refused: UInt64 = 0
    /// Connections closed after `Limits.patience`.
    public var timedOut: UInt64 = 0
  }

  /// Answers a request; called within `run`.
  public typealias Handler = (HTTPRequest) -> HTTPResponse

  /// The port that it listens on, also if the system chose it.
  public let port: UInt16
  /// Readable when `run` has work.
  public private(set) var descriptor: Int32 = -1
  /// What it has answered so far.
  public private(set) var counters = Counters()
  private let limits: Limits
  private let hosts: AllowedHosts
  private var daemon: OpaquePointer?
  private var handler: Handler?
  private var now = Instant.zero
  /// The open connections, and since when each is unanswered.
  private var waitingSince: [OpaquePointer: Instant] = [:]

  /// Connections that are open now.
  public var connections: Int { waitingSince.count }

  /// Listens at once.
  /// - Parameter port: 0 lets the system choose.
  public init(host: String, port: UInt16, hosts: AllowedHosts, limits: Limits = Limits()) throws(HTTPError) {
    self.limits = limits
    self.hosts = hosts
    let listener = try ListeningSocket(host: host, port: port)
    self.port = listener.port
    let socket = listener.release()
    let bounds = http_limits(connections: UInt32(limits.connections), connection_bytes: limits.requestBytes)
    daemon = http_start(
      socket, bounds, Unmanaged.passUnretained(self).toOpaque(),
      { context, connection, url, method, _, _, _, seen in
        guard let context, let connection, let seen else { return .NO }
        if seen.pointee == nil, !HTTPServer.hasBody(connection) {
          // The daemon calls again when the request is complete. An answer before that would close
          // the connection.
          seen.pointee = context
          return .YES
        }
        return Unmanaged<HTTPServer>.fromOpaque(context).takeUnretainedValue().answer(connection, url, method)
      },
      { context, connection, _, event in
        guard let context, let connection else { return }
        Unmanaged<HTTPServer>.fromOpaque(context).takeUnretainedValue().update(connection, event)
      })
    guard let daemon else {
      close(socket)
      throw HTTPError("http://\(host):\(self.port)", reason: "libmicrohttpd did not start")
    }
    descriptor = http_epoll_descriptor(daemon)
  }

  deinit {
    if let daemon { MHD_stop_daemon(daemon) }
  }
}

extension HTTPServer {
  /// Does what is due, and answers the requests that are complete. Never blocks.
  public func run(now: Instant, _ handler: (HTTPRequest) -> HTTPResponse) {
    self.now = now
    withoutActuallyEscaping(handler) { handler in
      self.handler = handler
      MHD_run(daemon)
      self.handler = nil
    }
    for (connection, since) in waitingSince where now >= since + limits.patience {
      counters.timedOut += 1
      // The daemon sees the end at its next run, and forgets the connection.
      waitingSince[connection] = .never
      shutdown(http_connection_socket(connection), Int32(SHUT_RDWR))
    }
  }

  /// When `run` is due even if the descriptor is not readable.
  public var nextDeadline: Instant {
    var milliseconds: UInt64 = 0
    if MHD_get_timeout(daemon, &milliseconds) == .YES { return now + .milliseconds(Double(milliseconds)) }
    guard let oldest = waitingSince.values.min(), oldest != .never else { return .never }
    return oldest + limits.patience
  }

  private func update(_ connection: OpaquePointer, _ event: MHD_ConnectionNotificationCode) {
    waitingSince[connection] = event == .CONNECTION_NOTIFY_STARTED ? now : nil
  }

  /// Requests with a body are answered at once, and their connection closed: no handler reads a
  /// body.
  private static func hasBody(_ connection: OpaquePointer) -> Bool {
    MHD_lookup_connection_value(connection, .HEADER_KIND, "Content-Length") != nil
      || MHD_lookup_connection_value(connection, .HEADER_KIND, "Transfer-Encoding") != nil
  }

  private func answer(
    _ connection: OpaquePointer, _ url: UnsafePointer<CChar>?, _ method: UnsafePointer<CChar>?
  ) -> MHD_Result {
    counters.requests += 1
    waitingSince[connection] = now
    let response = respond(
      connection, path: url.map { String(cString: $0) } ?? "",
      method: method.map { String(cString: $0) } ?? "")
    if response.status >= 400, response.status < 500 { counters.refused += 1 }
    return Self.queue(response, on: connection)
  }

  private func respond(_ connection: OpaquePointer, path: String, method: String) -> HTTPResponse {
    guard
      let host = MHD_lookup_connection_value(connection, .HEADER_KIND, "Host").map({ String(cString: $0) }),
      hosts.contains(host)
    else {
      return HTTPResponse(
        status: 403,
        text:
          "expected a Host header with an address of this machine, as http://127.0.0.1:\(port)/, found another name or none"
      )
    }
    guard method == "GET" || method == "HEAD" else {
      var response = HTTPResponse(status: 405, text: "expected GET or HEAD")
      response.allow = "GET, HEAD"
      return response
    }
    guard let handler else { return HTTPResponse(status: 500, text: "not serving") }
    return handler(HTTPRequest(path: path, parameters: Self.parameters(connection)))
  }

  private static func parameters(_ connection: OpaquePointer) -> [String: String] {
    var parameters: [String: String] = [:]
    withUnsafeMutablePointer(to: &parameters) { pointer in
      _ = MHD_get_connection_values(
        connection, .GET_ARGUMENT_KIND,
        { context, _, key, value in
          if let key, let context {
            let parameters = context.assumingMemoryBound(to: [String: String].self)
            parameters.pointee[String(cString: key)] = value.map { String(cString: $0) } ?? ""
          }
          return .YES
        }, pointer)
    }
    return parameters
  }

  private static func queue(_ answer: HTTPResponse, on connection: OpaquePointer) -> MHD_Result {
    let response = answer.body.withUnsafeBytes { body in
      MHD_create_response_from_buffer(
        body.count, UnsafeMutableRawPointer(mutating: body.baseAddress), .RESPMEM_MUST_COPY)
    }
    guard let response else { return .NO }
    defer { MHD_destroy_response(response) }
    var headers = [
      ("Content-Type", answer.type), ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"),
      ("Content-Security-Policy", answer.contentSecurityPolicy), ("X-Frame-Options", "DENY"),
      ("Referrer-Policy", "no-referrer"), ("Cross-Origin-Resource-Policy", "same-origin"),
    ]
    if let allow = answer.allow { headers.append(("Allow", allow)) }
    for (name, value) in headers { MHD_add_response_header(response, name, value) }
    return MHD_queue_response(connection, answer.status, response)
  }
}
