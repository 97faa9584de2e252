// Logs which services a process waits for.

internal import Foundations
internal import Transport

/// Logs one line when all services are there, one when a service has been missing for two seconds,
/// and then one every half minute: a process that is started by hand must say what it waits for.
struct ConnectionWatch {
  private let names: [String]
  private var isWhole = false
  /// When the next line is due while something is missing; never otherwise.
  private(set) var nextNotice: Instant

  init(_ settings: ServiceSettings, now: Instant) {
    names = [Self.replay(settings), "weights at \(settings.weights) (ROOKERY_WEIGHTS_ADDRESS)"]
    nextNotice = now + .seconds(2)
  }

  /// Watches the replay alone.
  init(replayOf settings: ServiceSettings, now: Instant) {
    names = [Self.replay(settings)]
    nextNotice = now + .seconds(2)
  }

  private static func replay(_ settings: ServiceSettings) -> String {
    "the replay at \(settings.replay.map(\.description).joined(separator: ", ")) (ROOKERY_REPLAY_ADDRESS)"
  }

  /// - Parameter missing: for each service, its index if it is missing.
  mutating func update(now: Instant, missing: [Int?], _ log: Log) {
    let missing = missing.compactMap { $0 }
    if missing.isEmpty {
      guard !isWhole else { return }
      isWhole = true
      nextNotice = .never
      log.info("joined: \(names.joined(separator: ", "))")
    } else {
      if isWhole {
        isWhole = false
        nextNotice = now + .seconds(2)
      }
      guard now >= nextNotice else { return }
      nextNotice = now + .seconds(30)
      log.info("waiting for \(missing.map { names[$0] }.joined(separator: " and "))")
    }
  }
}
