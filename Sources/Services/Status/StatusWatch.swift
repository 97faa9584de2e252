// Follows a run beside whoever supervises it.

internal import Foundations
internal import Synchronization
internal import Transport
public import Wire

/// Asks the parameter server and decodes its answers on a thread of its own: however large an
/// answer is, and however long it takes, its owner goes on. One question at a time.
public final class StatusWatch {
  private final class Shared: Sendable {
    /// Touched by the thread only.
    let client = Mutex<StatusClient?>(nil)
    let answer = Mutex<Status?>(nil)
    let address: String
    let counters: [String]?

    init(_ address: String, _ counters: [String]?) {
      self.address = address
      self.counters = counters
    }

    func exchange() {
      client.withLock { client in
        if client == nil { client = try? StatusClient(address: address, counters: counters) }
        guard let status = client?.exchange(within: StatusWatch.patience) else { return }
        answer.withLock { $0 = status }
      }
    }
  }

  /// A thread that waits for an answer can be stopped this late.
  fileprivate static var patience: Instant.Span { .milliseconds(200) }

  private let shared: Shared
  private let worker: BackgroundWorker
  private var isAsking = false

  /// - Parameter counters: those that are wanted of each process; nil for all.
  /// - Throws: if the address makes no sense, or there is no thread to be had.
  public init(address: String, counters: [String]?) throws {
    _ = try Endpoint(address)
    shared = Shared(address, counters)
    worker = try BackgroundWorker()
  }

  /// Asks, unless a question is under way.
  public func ask() {
    guard !isAsking else { return }
    isAsking = true
    worker.submit(0) { [shared] in shared.exchange() }
  }

  /// The answer, once it is there.
  public func take() -> Status? {
    guard !worker.finished().isEmpty else { return nil }
    isAsking = false
    return shared.answer.withLock { answer in
      defer { answer = nil }
      return answer
    }
  }

  /// Readable when an answer is there, or there will be none.
  public var descriptor: Int32 { worker.descriptor }
}
