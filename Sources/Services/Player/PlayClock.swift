// When each message of a recording is due.

internal import Configuration
internal import Foundations

/// Maps the times of a recording to this machine's clock. It stands while the replay accepts
/// nothing that is due: everything after that is played later by as much.
///
/// A message that is late by less than `shortest` moves nothing: that is an ordinary wait for an
/// acknowledgement, and the player catches up. At `max` every wait counts.
struct PlayClock {
  let speed: PlaySpeed
  /// When `origin` is played; nil before `begin`.
  private var start: Instant?
  /// Nanoseconds since 1970.
  private var origin: Int64 = 0
  /// Since when it stands; nil while it runs.
  private var standsSince: Instant?
  /// How long it stood, all stands that have ended together.
  private var stood = Instant.Span.zero

  private let shortest: Instant.Span

  init(speed: PlaySpeed) {
    self.speed = speed
    shortest = speed == .max ? .zero : .milliseconds(10)
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

  /// The message that it stood for is sent, or there is none any more.
  /// - Parameter due: when that message was due. Many short stands may have made it late.
  mutating func goOn(at now: Instant, due: Instant? = nil) {
    guard let since = standsSince else { return }
    standsSince = nil
    let delay = speed == .max ? now - since : now - (due ?? since)
    guard delay >= shortest else { return }
    stood = stood + delay
    start = start.map { $0 + delay }
  }

  /// For how long it has been standing; zero while it runs.
  func standing(at now: Instant) -> Instant.Span { standsSince.map { now - $0 } ?? .zero }

  /// How long it stood so far.
  func waited(at now: Instant) -> Instant.Span {
    let current = standing(at: now)
    return current >= shortest ? stood + current : stood
  }
}
