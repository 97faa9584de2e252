// The parameter server's HTTP pages: dashboard, metrics and health of the run.

internal import Configuration
internal import Experience
internal import Foundations
internal import HTTP
internal import Transport
internal import Wire

/// Owns the HTTP server and the monitor behind its pages. The service's thread owns it and calls
/// `advance` and `serve`.
final class RunSite {
  /// Returns the run's status, with the evaluations from number `evaluationsKnown` on, and the
  /// error of the last save.
  typealias Look = (_ evaluationsKnown: UInt64) -> (status: Status, saveProblem: String?)

  static let paths = ["/", "/status.json", "/metrics", "/healthz", "/livez"]

  let address: String
  private let server: HTTPServer
  private let incarnation: Identifier
  private var monitor: RunMonitor
  private var observedAt: Instant

  /// The shortest time between observations that new evaluations cause.
  private static let lookEvery = Instant.Span.milliseconds(50)

  /// Nil if `settings.http` is nil.
  /// - Throws: `SettingsError`, or an error of the HTTP server if it cannot listen.
  init?(
    configuration: RunConfiguration, settings: ServiceSettings, incarnation: Identifier, now: Instant
  ) throws {
    guard let http = settings.http, case .tcp(let asked, _) = http.kind else { return nil }
    let endpoint = try settings.listening(at: http)
    guard case .tcp(let host, let port) = endpoint.kind else { return nil }
    // A server that listens beyond this machine accepts any `Host` name, because clients may know
    // it by any. `allowsPlainTCP` does not decide this: it may be set for processes that listen on
    // loopback.
    let hosts: AllowedHosts =
      endpoint.isLocal ? .local(and: [host.lowercased(), asked.lowercased()]) : .any
    server = try HTTPServer(host: host, port: UInt16(port) ?? 0, hosts: hosts)
    address = "http://\(host):\(server.port)/"
    self.incarnation = incarnation
    monitor = RunMonitor(facts: RunFacts(configuration), now: now)
    observedAt = now
  }

  /// Readable when `serve` has something to do.
  var descriptor: Int32 { server.descriptor }

  /// When `advance` or `serve` has something to do.
  var nextDeadline: Instant { min(monitor.nextObservation, server.nextDeadline) }

  /// Observes the run if a sample is due or there are new evaluations, whose time is that of their
  /// observation.
  func advance(to now: Instant, evaluations: UInt64, _ look: Look) {
    let hasMore = evaluations != monitor.evaluationsKnown && now >= observedAt + Self.lookEvery
    if hasMore || now >= monitor.nextObservation { observe(now: now, look) }
  }

  /// Answers the requests that have arrived.
  func serve(now: Instant, _ look: Look) {
    server.run(now: now) { answer($0, now: now, look) }
  }

  private func observe(now: Instant, _ look: Look) {
    observedAt = now
    let (status, problem) = look(monitor.evaluationsKnown)
    monitor.observe(status, saveProblem: problem, now: now)
  }

  private func answer(_ request: HTTPRequest, now: Instant, _ look: Look) -> HTTPResponse {
    guard Self.paths.contains(request.path) else {
      return HTTPResponse(
        status: 404, text: "no page at this path; the pages are \(Self.paths.joined(separator: ", "))")
    }
    if request.path == "/" { return page() }
    observe(now: now, look)
    switch request.path {
    case "/metrics":
      return HTTPResponse(type: MetricsPage.type, body: Array(MetricsPage(monitor, now: now).text.utf8))
    case "/healthz":
      let health = RunHealth(monitor, now: now)
      return json(health.healthy ? 200 : 503, try? health.json())
    case "/livez":
      let problem = monitor.saveProblem.map { "cannot save the weights: \($0)" }
      return HTTPResponse(status: problem == nil ? 200 : 503, text: problem ?? "alive")
    default:
      return json(
        200,
        try? StatusDocument(monitor, incarnation: incarnation, since: request.parameters["since"], now: now)
          .json())
    }
  }

  private func page() -> HTTPResponse {
    var generator = SystemRandomNumberGenerator()
    let page = DashboardPage(using: &generator)
    var response = HTTPResponse(type: "text/html; charset=utf-8", body: page.body)
    response.contentSecurityPolicy = page.contentSecurityPolicy
    return response
  }

  private func json(_ status: UInt32, _ body: [UInt8]?) -> HTTPResponse {
    guard let body else { return HTTPResponse(status: 500, text: "the answer could not be written as JSON") }
    return HTTPResponse(status: status, type: "application/json", body: body)
  }

  func telemetry() -> [Metric: Double] {
    [
      .http_requests_total: Double(server.counters.requests),
      .http_refused_total: Double(server.counters.refused),
      .http_timed_out_total: Double(server.counters.timedOut),
      .http_connections: Double(server.connections),
    ]
  }
}
