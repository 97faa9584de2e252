// Imitates slow environments.

public import Foundations
internal import Glibc

/// Imitates a slow simulator: each step of the batch takes at least `delay`, and the process sleeps
/// for the rest of it. Rows are those of the wrapped batch.
public final class DelayedBatch: EnvironmentBatch {
  private let batch: any EnvironmentBatch
  private let delay: Instant.Span
  private var due = Instant.zero

  /// The longest sleep in one call of `waitBriefly`.
  private static let sleepMax = Instant.Span.milliseconds(20)

  /// - Parameter delay: the least duration of a step.
  public init(_ batch: any EnvironmentBatch, delay: Instant.Span) {
    self.batch = batch
    self.delay = delay
  }

  public var spec: EnvironmentSpec { batch.spec }
  public var count: Int { batch.count }
  public var observations: UnsafeRawPointer { batch.observations }
  public var rewards: UnsafePointer<Float> { batch.rewards }
  public var flags: UnsafePointer<UInt8> { batch.flags }

  public func reset(seed: UInt64?) throws { try batch.reset(seed: seed) }

  public func beginReset(seed: UInt64?) throws {
    due = .zero
    try batch.beginReset(seed: seed)
  }

  public func beginStep(actions: UnsafeRawPointer) throws {
    due = SystemClock.now() + delay
    try batch.beginStep(actions: actions)
  }

  public func waitBriefly() throws -> Bool {
    guard try batch.waitBriefly() else { return false }
    let left = due - SystemClock.now()
    guard left > .zero else { return true }
    let nanoseconds = min(left, Self.sleepMax).nanoseconds
    var time = timespec(tv_sec: 0, tv_nsec: Int(nanoseconds))
    nanosleep(&time, nil)
    return left <= Self.sleepMax
  }

  public func finishStep() throws {
    while try !waitBriefly() {}
    try batch.finishStep()
  }
}
