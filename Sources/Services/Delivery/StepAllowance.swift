// The steps that an actor may act, where staleness is bounded.

public import Foundations
internal import Wire

/// Asks the shard for steps, and counts those that are left of the last grant.
///
/// A request is repeated under its number until it is answered. While steps are left it is repeated
/// too: a silent actor's grant ends. A new incarnation of the shard knows of no grant, so what is
/// left is not used.
public struct StepAllowance: Sendable {
  /// Time between two repetitions; the shard takes an actor for gone after four of them.
  static let repeatEvery = Instant.Span.milliseconds(500)

  /// Steps that may still be acted.
  public private(set) var left = 0
  /// The least version of the weights to act with.
  public private(set) var version: UInt64 = 0
  /// A request waits for its answer.
  public private(set) var isAsking = false
  /// Time spent waiting for grants.
  public private(set) var waited = Instant.Span.zero
  private var number: UInt64 = 0
  private var sequence: UInt64 = 0
  private var steps: UInt64 = 0
  private var askedAt = Instant.zero
  private var repeatAt = Instant.zero

  /// Asks for steps, after the message of a sequence. What is left of the last grant is given back.
  mutating func ask(_ steps: Int, after sequence: UInt64, now: Instant) {
    number += 1
    self.sequence = sequence
    self.steps = UInt64(max(0, steps))
    (left, isAsking) = (0, steps > 0)
    (askedAt, repeatAt) = (now, now)
  }

  /// Steps were acted.
  mutating func use(_ steps: Int) { left = max(0, left - steps) }

  mutating func receive(_ grant: StepGrant, now: Instant) {
    guard isAsking, grant.number == number else { return }
    isAsking = false
    left = Int(clamping: min(grant.steps, steps))
    version = grant.version
    waited = waited + (now - askedAt)
  }

  /// The shard has forgotten the grant.
  mutating func reset(now: Instant) {
    guard isInUse else { return }
    ask(isAsking ? Int(clamping: steps) : 0, after: sequence, now: now)
  }

  /// The request, if it is due to be sent.
  mutating func request(now: Instant) -> StepRequest? {
    guard number > 0, now >= repeatAt else { return nil }
    repeatAt = isInUse ? now + Self.repeatEvery : .never
    return StepRequest(number: number, sequence: sequence, steps: steps)
  }

  /// The shard has given a grant, or may give one.
  var isInUse: Bool { left > 0 || isAsking }

  /// When `request` is due.
  var nextRequest: Instant { number > 0 ? repeatAt : .never }
}
