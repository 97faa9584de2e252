// Where the shards of a replay are, while that changes.

internal import Foundations
internal import Synchronization
internal import Transport

/// The addresses of the replay's shards: those of the configured list, each name in it by all the addresses that it stands for, looked up
/// again every few seconds. Where the launcher keeps a file of addresses, what is in there counts instead of the variable.
///
/// Names are looked up on a thread of their own, for a lookup may hang for half a minute. A lookup that fails changes nothing, and
/// an address goes only when two of them in a row have missed it.
final class ShardDirectory {
  static let lookupEvery = Instant.Span.seconds(3)
  static let readEvery = Instant.Span.milliseconds(500)

  /// What the thread finds: the addresses of names, without those of which nothing can be said; nil while it looks.
  private final class Findings: Sendable {
    let addresses = Mutex<[String: [String]]?>(nil)
  }

  private var configured: [Endpoint]
  private let file: AddressFile?
  private let check: (Endpoint) throws -> Void
  private let findings = Findings()
  private var worker: BackgroundWorker?
  private var isLooking = false
  private var nextLookup: Instant
  private var nextRead: Instant
  /// The addresses of each name, and those that the last lookup has missed.
  private var known: [String: [String]] = [:]
  private var missed: [String: Set<String>] = [:]
  /// What is wrong with the file's list; said once.
  private(set) var notices: [String] = []
  private var lastProblem = ""

  /// The shards, in the list's order.
  private(set) var endpoints: [Endpoint] = []

  /// - Parameter settings: whose replay addresses these are.
  init(_ settings: ServiceSettings, now: Instant) {
    configured = settings.replay
    file = settings.addressFile.map { AddressFile(path: $0) }
    check = { try settings.check($0, of: AddressFile.replay) }
    nextLookup = now
    nextRead = now
    update()
  }

  /// Readable when a lookup is done; nil before the first.
  var descriptor: Int32? { worker?.descriptor }
  var nextDeadline: Instant {
    min(file == nil ? .never : nextRead, names.isEmpty || isLooking ? .never : nextLookup)
  }

  /// Whether there is anything to do: cheap enough for every turn of a loop.
  func isDue(at now: Instant) -> Bool {
    now >= nextDeadline || isLooking && findings.addresses.withLock { $0 != nil }
  }

  /// Does what is due. True if `endpoints` has changed.
  /// - Throws: if there is no thread to be had for lookups.
  func advance(to now: Instant) throws(SystemCallError) -> Bool {
    if file != nil, now >= nextRead {
      nextRead = now + Self.readEvery
      readFile()
    }
    collect()
    if !names.isEmpty, !isLooking, now >= nextLookup {
      isLooking = true
      nextLookup = now + Self.lookupEvery
      try startWorker().submit(0) { [findings, names] in
        var found: [String: [String]] = [:]
        for name in names { found[name] = NameLookup.addresses(of: name) }
        findings.addresses.withLock { [found] in $0 = found }
      }
    }
    return update()
  }

  private func startWorker() throws(SystemCallError) -> BackgroundWorker {
    if let worker { return worker }
    let worker = try BackgroundWorker()
    self.worker = worker
    // Never ended: a lookup may hang longer than the process wants to live.
    _ = Unmanaged.passRetained(worker)
    return worker
  }

  func takeNotices() -> [String] {
    defer { notices.removeAll() }
    return notices
  }

  private var names: [String] { configured.compactMap(\.name) }

  private func readFile() {
    guard let text = file?.newValue(of: AddressFile.replay) else { return }
    do {
      let list = try Endpoint.list(text)
      for endpoint in list { try check(endpoint) }
      configured = list
    } catch {
      guard "\(error)" != lastProblem else { return }
      lastProblem = "\(error)"
      notices.append("\(file?.path ?? ""): \(error); the last addresses stay")
    }
  }

  /// Takes what the thread has found.
  private func collect() {
    let found = findings.addresses.withLock { found in
      defer { found = nil }
      return found
    }
    guard isLooking, let found else { return }
    isLooking = false
    // Its byte in the pipe has done its work.
    _ = worker?.finished()
    for (name, addresses) in found {
      let missing = Set(known[name] ?? []).subtracting(addresses)
      let stay = missing.subtracting(missed[name] ?? [])
      missed[name] = missing
      known[name] = (addresses + stay).sorted()
    }
  }

  @discardableResult
  private func update() -> Bool {
    var list: [Endpoint] = []
    for endpoint in configured {
      let all = endpoint.name.map { name in (known[name] ?? []).map(endpoint.listening(on:)) } ?? [endpoint]
      for endpoint in all where !list.contains(endpoint) { list.append(endpoint) }
    }
    defer { endpoints = list }
    return list != endpoints
  }
}
