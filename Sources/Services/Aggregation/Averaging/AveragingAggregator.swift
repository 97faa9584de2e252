// A learner's side of averaging.

internal import Wire

/// Trains locally, pushes deltas, and never waits.
///
/// The learner trains θ_local. `reference` is the published θ that it is based on; `atPush` is
/// θ_local when the pending delta was made. A publication θ replaces θ_local by
///
///     θ + (θ_local − atPush)      if it holds the pending delta,
///     θ + (θ_local − reference)   if not: everything that is not merged is kept.
struct AveragingAggregator: Aggregator {
  let shares = SharedTraining.deltas
  private(set) var reference: [Float] = []
  private var atPush: [Float] = []
  /// A delta is pending.
  private var hasPushed = false
  /// Merged deltas that may still be spent on restoring; 0 unless it is restoring.
  private var restoringLeft = 0

  var isRestoring: Bool { restoringLeft > 0 }

  /// Pushes θ_local − reference.
  mutating func push(_ local: UnsafeBufferPointer<Float>, as head: Delta, into frame: FrameWriter) {
    atPush.removeAll(keepingCapacity: true)
    atPush.append(contentsOf: local)
    hasPushed = true
    let difference = [Float](unsafeUninitializedCapacity: local.count) { buffer, count in
      for index in 0..<local.count { buffer[index] = local[index] - reference[index] }
      count = local.count
    }
    difference.withUnsafeBytes { values in
      var delta = head
      delta.values = values
      delta.encode(into: frame)
    }
  }

  mutating func rebase(
    _ local: UnsafeMutableBufferPointer<Float>, on published: UnsafeRawBufferPointer, isMerged: Bool
  ) {
    defer { reference.withUnsafeMutableBytes { $0.copyMemory(from: published) } }
    guard !reference.isEmpty else {
      reference = [Float](repeating: 0, count: local.count)
      return UnsafeMutableRawBufferPointer(local).copyMemory(from: published)
    }
    if isMerged {
      hasPushed = false
      if isRestoring { countRestoring(published) }
      guard !isRestoring else { return }
      for index in 0..<local.count {
        local[index] = Self.value(index, of: published) + (local[index] - atPush[index])
      }
    } else if !isRestoring {
      for index in 0..<local.count {
        let move = Self.value(index, of: published) - reference[index]
        local[index] += move
        if hasPushed { atPush[index] += move }
      }
    }
  }

  /// The delta θ_local − θ is rounded to what θ can hold, and a θ that diverged may be 10¹⁸. So
  /// θ_local stays as it is until a merged delta has left θ at what was pushed: each delta brings
  /// what the last one lost.
  mutating func beginRestoring() {
    precondition(!reference.isEmpty && !hasPushed)
    restoringLeft = Self.restoringMax
  }

  /// Three deltas bring 10¹⁸ down to a rounding error; five more are for learners that merge at the
  /// same time.
  private static let restoringMax = 8

  private mutating func countRestoring(_ published: UnsafeRawBufferPointer) {
    restoringLeft -= 1
    let isThere = atPush.indices.allSatisfy { index in
      abs(Self.value(index, of: published) - atPush[index]) <= 1e-4 * max(1, abs(atPush[index]))
    }
    if isThere { restoringLeft = 0 }
  }

  private static func value(_ index: Int, of values: UnsafeRawBufferPointer) -> Float {
    values.loadUnaligned(fromByteOffset: index * 4, as: Float.self)
  }
}
