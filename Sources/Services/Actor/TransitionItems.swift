// Makes n-step items and their first priorities, from values that acting has computed.

internal import Algorithms
internal import Experience

/// Makes an item of each step once the step n later, or the episode's last one, is there. Its
/// priority comes from the n-step TD error by the values that acting computed, so it needs no
/// further forward pass (Horgan et al. 2018, §3).
///
/// δ of step t: Σ_{k<n'} γᵏ r_{t+k} + γ^{n'}·(1 − terminal)·v(s_{t+n'}) − q(s_t, a_t).
/// *Differs from the source:* v is the online network's maximum, not double Q's.
struct TransitionItems {
  private let count: Int
  private let nStep: Int
  private let discount: Float
  private let priority: TransitionPriority?
  /// Rings of the last n ticks, `[tick mod n][environment]`.
  private var values: [Float]
  private var rewards: [Float]
  /// Rows of the episode, or since a cut, before the next row.
  private var rowsBefore: [Int]
  var columns = ItemColumns()

  init(count: Int, nStep: Int, discount: Float, priority: TransitionPriority?) {
    self.priority = priority
    self.count = count
    self.nStep = nStep
    self.discount = discount
    values = Array(repeating: 0, count: count * nStep)
    rewards = Array(repeating: 0, count: count * nStep)
    rowsBefore = Array(repeating: 0, count: count)
  }

  /// Completes the items that end with the row at stream index `index`, which has its actions now.
  ///
  /// - Parameter range: the environments that the flags and values describe, in order.
  mutating func observe(
    index: UInt64, range: Range<Int>, flags: UnsafePointer<UInt8>, actionValues: UnsafePointer<Float>,
    stateValues: UnsafePointer<Float>
  ) {
    let slot = Int(index % UInt64(nStep)) * count
    for environment in range {
      let row = environment - range.lowerBound
      let flag = StepFlags(rawValue: flags[row])
      if flag.contains(.isFirst) { rowsBefore[environment] = 0 }
      let bootstrap = flag.contains(.isTerminal) ? 0 : stateValues[row]
      if flag.contains(.isLast) {
        complete(environment, index: index, from: 1, through: min(nStep, rowsBefore[environment]), bootstrap)
        rowsBefore[environment] = 0
      } else {
        if rowsBefore[environment] >= nStep {
          complete(environment, index: index, from: nStep, through: nStep, bootstrap)
        }
        rowsBefore[environment] += 1
      }
      values[slot + environment] = actionValues[row]
    }
  }

  /// Sets the rewards of the actions at `index`.
  mutating func setRewards(index: UInt64, range: Range<Int>, _ values: UnsafePointer<Float>) {
    let slot = Int(index % UInt64(nStep)) * count
    for environment in range { rewards[slot + environment] = values[environment - range.lowerBound] }
  }

  /// Completes the items that end at `index`, after the row there, passed to `observe` as one
  /// within an episode, became its last one by truncation.
  mutating func truncate(_ environment: Int, index: UInt64, stateValue: Float) {
    // `observe` has counted this row and has completed the item of n steps.
    let before = rowsBefore[environment] - 1
    complete(environment, index: index, from: 1, through: min(nStep - 1, before), stateValue)
    rowsBefore[environment] = 0
  }

  /// Removes the items that end with the row at `index` or later, which will not be sent.
  mutating func drop(from index: UInt64) {
    columns.drop(from: index)
  }

  /// Removes the items that start before `index`, whose steps are lost. The next row is `next`.
  mutating func cut(at index: UInt64, next: UInt64) {
    for environment in 0..<count { rowsBefore[environment] = min(rowsBefore[environment], Int(next - index)) }
    columns.cut(at: index)
  }

  /// Appends the items of n' = `from`…`through` steps that end with the row at `index`.
  private mutating func complete(
    _ environment: Int, index: UInt64, from: Int, through: Int, _ bootstrap: Float
  ) {
    guard through >= 1 else { return }
    var value = bootstrap
    for steps in 1...through {
      let start = index - UInt64(steps)
      let slot = Int(start % UInt64(nStep)) * count + environment
      value = precedingReturn(value, reward: rewards[slot], discount: discount)
      guard steps >= from else { continue }
      if let priority {
        columns.append(
          environment, first: start, span: steps + 1, priority: priority(error: value - values[slot]))
      } else {
        columns.append(environment, first: start, span: steps + 1)
      }
    }
  }
}
