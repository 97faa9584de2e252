// The addresses of a replay's shards, kept up to date.

internal import Foundations
internal import Synchronization
internal import Transport

/// The addresses of the replay's shards. They are the configured list, with each host name replaced
/// by all its addresses, which are looked up again every few seconds. If the launcher wrote a
/// file of addresses, that file replaces the configured list.
///
/// A separate thread looks up names, because a lookup may block for half a minute. A failed lookup
/// changes nothing. An address is removed after two lookups in a row without it.
final class ShardDirectory {
  static let lookupEvery = Instant.Span.seconds(3)
  static let readEvery = Instant.Span.milliseconds(500)

  /// The thread's results: addresses by name, without names whose lookup failed; nil during a
  /// lookup.
  private final class Findings: Sendable {
    let addresses = Mutex<[String: [String]]?>(nil)
  }

  private var configured: [Endpoint]
  /// The variable that holds the list.
  private let variable: String
  private let file: AddressFile?
  private let check: (Endpoint) throws -> Void
  private let findings = Findings()
  private var worker: BackgroundWorker?
  private var isLooking = false
  private var nextLookup: Instant
  private var nextRead: Instant
  /// The addresses of each name, and those missing from the last lookup.
  private var known: [String: [String]] = [:]
  private var missed: [String: Set<String>] = [:]
  /// Problems with the file's list that are not logged yet; a repeated problem is reported once.
  private var notices: [String] = []
  private var lastProblem = ""

  /// The shards, in the list's order.
  private(set) var endpoints: [Endpoint] = []

  /// - Parameters:
  ///   - settings: the path of the launcher's file, and which addresses are allowed.
  ///   - configured: the configured list.
  ///   - variable: the name of the list in the launcher's file.
  init(_ settings: ServiceSettings, _ configured: [Endpoint], variable: String, now: Instant) {
    self.configured = configured
    self.variable = variable
    file = settings.addressFile.map { AddressFile(path: $0) }
    check = { try settings.check($0, of: variable) }
    nextLookup = now
    nextRead = now
    update()
  }

  /// Readable when a lookup is done; nil before the first.
  var descriptor: Int32? { worker?.descriptor }

  /// When `advance` has something to do, lookups under way excepted.
  var nextDeadline: Instant {
    min(file == nil ? .never : nextRead, names.isEmpty || isLooking ? .never : nextLookup)
  }

  /// Whether `advance` has something to do. Cheap enough for every turn of a loop.
  func isDue(at now: Instant) -> Bool {
    now >= nextDeadline || isLooking && findings.addresses.withLock { $0 != nil }
  }

  /// Reads the file, starts and collects lookups, as they are due. True if `endpoints` has changed.
  /// - Throws: if the thread for lookups cannot be started.
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
    // The thread is never joined: a lookup may block longer than the process is to run.
    _ = Unmanaged.passRetained(worker)
    return worker
  }

  /// Returns the new notices and clears them.
  func takeNotices() -> [String] {
    defer { notices.removeAll() }
    return notices
  }

  private var names: [String] { configured.compactMap(\.name) }

  private func readFile() {
    guard let text = file?.newValue(of: variable) else { return }
    do {
      let list = try Endpoint.list(text)
      for endpoint in list { try check(endpoint) }
      configured = list
    } catch {
      guard "\(error)" != lastProblem else { return }
      lastProblem = "\(error)"
      notices.append("\(file?.path ?? ""): \(error); the previous addresses remain in use")
    }
  }

  /// Merges the thread's results.
  private func collect() {
    let found = findings.addresses.withLock { found in
      defer { found = nil }
      return found
    }
    guard isLooking, let found else { return }
    isLooking = false
    // Empties the pipe, so that `descriptor` is no longer readable.
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
