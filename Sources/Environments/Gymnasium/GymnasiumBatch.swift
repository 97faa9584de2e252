// The batch of one half of a pool's environments.

internal import Experience
internal import Foundations

/// Rows equal those of Gymnasium's vector environments with `AutoresetMode.NEXT_STEP`, except that
/// observations are float32 or, for frames, uint8 planes. `EnvironmentBatch` describes a tick.
final class GymnasiumBatch: EnvironmentBatch {
  private let pool: GymnasiumPool
  private let half: Int
  private let range: Range<Int>
  /// The pool's epoch at the last reset; nil before the first.
  private var epoch: Int?
  private var isWaiting = false
  private let actions: UnsafeMutableRawPointer
  let observations: UnsafeRawPointer
  let rewards: UnsafePointer<Float>
  let flags: UnsafePointer<UInt8>

  init(pool: GymnasiumPool, half: Int) {
    self.pool = pool
    self.half = half
    range = pool.halves[half]
    let (base, columns, first) = (pool.memory.base, pool.columns, range.lowerBound)
    actions = base + columns.actions + first * pool.spec.actions.field.byteCount
    rewards = UnsafePointer((base + columns.rewards).assumingMemoryBound(to: Float.self) + first)
    flags = UnsafePointer((base + columns.flags).assumingMemoryBound(to: UInt8.self) + first)
    observations = UnsafeRawPointer(base + columns.observations + first * pool.spec.observationByteCount)
  }

  var spec: EnvironmentSpec { pool.spec }
  var count: Int { range.count }

  func reset(seed: UInt64?) throws {
    try beginReset(seed: seed)
    try finishStep()
  }

  func beginReset(seed: UInt64?) throws {
    try pool.beginReset(half: half, seed: seed)
    epoch = pool.epoch
    isWaiting = true
  }

  func beginStep(actions: UnsafeRawPointer) throws {
    try checkUsable()
    let last = StepFlags.isLast.rawValue
    let outside = spec.actions.firstOutside(actions, count: count) { flags[$0] & last != 0 }
    if let outside { throw EnvironmentError.invalidAction(spec, outside) }
    self.actions.copyMemory(from: actions, byteCount: count * spec.actions.field.byteCount)
    try pool.beginStep(half: half)
    isWaiting = true
  }

  func waitBriefly() throws -> Bool {
    try checkUsable()
    return try pool.isDone(half: half)
  }

  func finishStep() throws {
    guard isWaiting else { return }
    while try !waitBriefly() {}
    isWaiting = false
    try checkValues()
  }

  private func checkUsable() throws {
    guard let epoch else { throw EnvironmentError.notReset(environment: spec.id) }
    guard epoch != pool.epoch else { return }
    throw pool.failure
      ?? pool.configuration.failure(.ended, "the environments were closed", isSetup: false)
  }

  /// Throws for a reward or observation that is NaN or infinite, because it would spoil the
  /// weights.
  private func checkValues() throws {
    for index in 0..<count where !rewards[index].isFinite {
      throw pool.fail(
        pool.configuration.failure(
          .value,
          "expected a finite reward, found \(rewards[index]) in environment \(range.lowerBound + index)",
          isSetup: false))
    }
    guard spec.observationType == .float32 else { return }
    let width = spec.observationElementCount
    let values = observations.assumingMemoryBound(to: Float.self)
    guard !Self.isFinite(values, count: count * width) else { return }
    let element = (0..<count * width).first { !values[$0].isFinite } ?? 0
    throw pool.fail(
      pool.configuration.failure(
        .value,
        "expected finite observations, found \(values[element]) at element \(element % width) in environment "
          + "\(range.lowerBound + element / width)", isSetup: false))
  }

  /// Whether all values are finite: then 0·x is 0 for each x, and so is the sum; else the sum is
  /// NaN.
  private static func isFinite(_ values: UnsafePointer<Float>, count: Int) -> Bool {
    var sum = SIMD8<Float>.zero
    let raw = UnsafeRawPointer(values)
    var index = 0
    while index + 8 <= count {
      sum += raw.loadUnaligned(fromByteOffset: index * 4, as: SIMD8<Float>.self) * 0
      index += 8
    }
    var rest = sum.sum()
    while index < count {
      rest += values[index] * 0
      index += 1
    }
    return !rest.isNaN
  }
}
