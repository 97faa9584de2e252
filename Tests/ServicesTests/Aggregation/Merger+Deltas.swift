// Mergers of deltas, which do not need the state before a version is made.

import Experience
import Foundations
import Wire

@testable import Services

extension Aggregation {
  func merger(parameters count: Int) -> any Merger {
    merger(parameters: count, incarnation: Fixtures.id(99))
  }
}

extension Merger {
  /// Why a delta is refused; nil if it is taken.
  mutating func problem(with delta: Delta) -> String? {
    if case .refused(let problem) = add(.delta(delta), now: .at(0)) { problem } else { nil }
  }

  mutating func add(_ delta: Delta, now: Instant) {
    _ = add(.delta(delta), now: now)
  }

  private mutating func add(_ change: Change, now: Instant) -> Added {
    var state = ParameterState(
      version: 1, updates: 0, merged: [], manifest: WeightsManifest(tensors: []), values: [])
    return add(change, into: &state, now: now)
  }
}
