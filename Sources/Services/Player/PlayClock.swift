// When each message of a recording is due.

internal import Configuration
internal import Foundations

/// Maps the times of a recording to this machine's clock. It stands while the replay accepts
/// nothing that is due: everything after that is played later by as much.
///
/// A stand of less than `shortest` counts as none: it is an ordinary wait for an acknowledgement,
/// and the player catches up.
struct PlayClock {
  static let shortest = Instant.Span.milliseconds(10)

  let speed: PlaySpeed
  /// When `origin` is played; nil before `begin`.
  private var start: Instant?
  /// Nanoseconds since 1970.
  private var origin: Int64 = 0
  /// Since when it stands; nil while it runs.
  private var standsSince: Instant?
  /// How long it stood, all stands that have ended together.
  private var stood = Instant.Span.zero

  init(speed: PlaySpeed) {
    self.speed = speed
  }

  /// Whether `begin` was called.
  var hasBegun: Bool { start != nil }

  /// Begins, or begins again: the recorded time `origin` is now.
  mutating func begin(at now: Instant, origin: Int64) {
    goOn(at: now)
    start = now
    self.origin = origin
  }

  /// When a recorded time is due. Before `begin` nothing is.
  func due(_ time: Int64) -> Instant {
    guard let start else { return .never }
    switch speed {
    case .max: return start
    case .times(let factor): return start + .seconds(Double(time &- origin) / 1e9 / factor)
    }
  }

  /// A message is due and cannot be sent.
  mutating func stand(at now: Instant) {
    if standsSince == nil { standsSince = now }
  }

  /// A message was sent, or none is due.
  mutating func goOn(at now: Instant) {
    guard let since = standsSince else { return }
    standsSince = nil
    guard now - since >= Self.shortest else { return }
    stood = stood + (now - since)
    start = start.map { $0 + (now - since) }
  }

  /// For how long it has been standing; zero while it runs.
  func standing(at now: Instant) -> Instant.Span { standsSince.map { now - $0 } ?? .zero }

  /// How long it stood so far.
  func waited(at now: Instant) -> Instant.Span {
    let current = standing(at: now)
    return current >= Self.shortest ? stood + current : stood
  }
}
