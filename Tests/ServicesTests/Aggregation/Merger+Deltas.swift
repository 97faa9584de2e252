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
  func problem(with delta: Delta) -> String? { problem(with: .delta(delta), updates: 0) }

  mutating func add(_ delta: Delta, now: Instant) {
    var state = ParameterState(
      version: 1, updates: 0, merged: [], manifest: WeightsManifest(tensors: []), values: [])
    _ = add(.delta(delta), into: &state, now: now)
  }
}
