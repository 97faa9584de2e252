// Asks for a run's status on another thread.

internal import Foundations
internal import Synchronization
internal import Transport
public import Wire

/// Asks the parameter server and decodes its answers on a separate thread, so that slow or large
/// answers do not block the owner. One request at a time.
public final class StatusWatch {
  private final class Shared: Sendable {
    /// Used by the thread only.
    let client = Mutex<StatusClient?>(nil)
    let answer = Mutex<Status?>(nil)
    let address: String
    let counters: [String]?

    init(_ address: String, _ counters: [String]?) {
      self.address = address
      self.counters = counters
    }

    func query() {
      client.withLock { client in
        if client == nil { client = try? StatusClient(address: address, counters: counters) }
        guard let status = client?.status(within: StatusWatch.patience) else { return }
        answer.withLock { $0 = status }
      }
    }
  }

  /// How long the thread waits for an answer, and so the longest delay in stopping it.
  fileprivate static var patience: Instant.Span { .milliseconds(200) }

  private let shared: Shared
  private let worker: BackgroundWorker
  private var isAsking = false

  /// - Parameters:
  ///   - address: the parameter server's.
  ///   - counters: the counters to ask for; nil for all.
  /// - Throws: an error if the address is malformed or the thread cannot be started.
  public init(address: String, counters: [String]?) throws {
    _ = try Endpoint(address)
    shared = Shared(address, counters)
    worker = try BackgroundWorker()
  }

  /// Starts a request, unless one is under way.
  public func ask() {
    guard !isAsking else { return }
    isAsking = true
    worker.submit(0) { [shared] in shared.query() }
  }

  /// The answer, once; nil before it is there, and if the server did not answer.
  public func poll() -> Status? {
    guard !worker.finished().isEmpty else { return nil }
    isAsking = false
    return shared.answer.withLock { answer in
      defer { answer = nil }
      return answer
    }
  }

  /// Readable when the request has ended, with an answer or without.
  public var descriptor: Int32 { worker.descriptor }
}
