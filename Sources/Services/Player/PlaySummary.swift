// What the player says about its clock, and at its end.

internal import Foundations

/// Says when the clock has stood for a second, and when it goes on after that.
struct StandNotice {
  static let after = Instant.Span.seconds(1)
  private var saidAfter: Instant.Span?

  /// The line that is due now; nil if none is.
  mutating func notice(_ clock: PlayClock, now: Instant) -> String? {
    let standing = clock.standing(at: now)
    if let said = saidAfter, standing < said {
      saidAfter = nil
      return
        "the replay accepts messages again; the clock stood for \(Self.text(clock.waited(at: now))) s in all"
    }
    guard standing >= Self.after else { return nil }
    defer { saidAfter = standing }
    if saidAfter != nil { return nil }
    return "the replay has accepted nothing for \(Self.text(standing)) s: the clock stands "
      + "(rookery inspect says what blocks inserts)"
  }

  /// When `notice` is due at the latest.
  func deadline(_ clock: PlayClock, now: Instant) -> Instant {
    let standing = clock.standing(at: now)
    return saidAfter == nil && standing > .zero && standing < Self.after
      ? now + (Self.after - standing) : .never
  }

  private static func text(_ span: Instant.Span) -> String { "\((span.seconds * 10).rounded() / 10)" }
}

/// The line that a player ends with.
struct PlaySummary {
  var streams: PlayedStreams.Counters
  var writers: WriterMachine.Counters
  var unacknowledged: Int
  /// Messages that the recording lacks.
  var missed: UInt64
  var passes: UInt64
  /// Since the first message was sent.
  var seconds: Double
  /// For how long the clock stood.
  var waited: Double

  var text: String {
    let rate = seconds > 0 ? Int((Double(streams.steps) / seconds).rounded()) : 0
    let left: [(UInt64, String)] = [
      (streams.itemsWithoutFirstStep, "items without their first step"),
      (streams.itemsRefused, "items that the replay would refuse"),
      (streams.stepsRefused, "steps whose indices go back"),
      (streams.messagesRepeated, "messages that came twice"),
      (missed, "messages that the recording lacks"),
      (writers.messagesDropped, "messages that a shard lost"),
      (UInt64(unacknowledged), "messages unacknowledged"),
    ]
    let dropped = left.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
    return
      "stopped after \(passes) \(passes == 1 ? "pass" : "passes"): \(streams.steps) steps, \(streams.items) items, "
      + "\(streams.messages) messages in \(Self.tenths(seconds)) s (\(rate) steps/s); the clock stood for "
      + "\(Self.tenths(waited)) s" + (dropped.isEmpty ? "" : "; left out: \(dropped.joined(separator: ", "))")
  }

  private static func tenths(_ value: Double) -> Double { (value * 10).rounded() / 10 }
}
