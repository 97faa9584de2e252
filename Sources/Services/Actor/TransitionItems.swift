// n-step items and their first priorities, from what the actor already knows.

internal import Algorithms
internal import Experience

/// Makes an item of each step once the step n later is there (at an episode's end: the last one).
/// Its priority is the policy's, of the n-step TD error by the values that acting gave: no further
/// forward pass (Horgan et al. 2018, §3).
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
  /// Rows of the current episode (or since a cut) before the current one.
  private var age: [Int]
  var columns = ItemColumns()

  init(count: Int, nStep: Int, discount: Float, priority: TransitionPriority?) {
    self.priority = priority
    self.count = count
    self.nStep = nStep
    self.discount = discount
    values = Array(repeating: 0, count: count * nStep)
    rewards = Array(repeating: 0, count: count * nStep)
    age = Array(repeating: 0, count: count)
  }

  /// The row at stream index `index` has been acted on: completes the items that end with it.
  ///
  /// - Parameter range: the environments whose flags and values these are, one after the other.
  mutating func observe(
    index: UInt64, range: Range<Int>, flags: UnsafePointer<UInt8>, actionValues: UnsafePointer<Float>,
    stateValues: UnsafePointer<Float>
  ) {
    let slot = Int(index % UInt64(nStep)) * count
    for environment in range {
      let row = environment - range.lowerBound
      let flag = StepFlags(rawValue: flags[row])
      if flag.contains(.isFirst) { age[environment] = 0 }
      let bootstrap = flag.contains(.isTerminal) ? 0 : stateValues[row]
      if flag.contains(.isLast) {
        complete(environment, index: index, from: 1, through: min(nStep, age[environment]), bootstrap)
        age[environment] = 0
      } else {
        if age[environment] >= nStep {
          complete(environment, index: index, from: nStep, through: nStep, bootstrap)
        }
        age[environment] += 1
      }
      values[slot + environment] = actionValues[row]
    }
  }

  /// The rewards of the actions of the row at `index`.
  mutating func setRewards(index: UInt64, range: Range<Int>, _ values: UnsafePointer<Float>) {
    let slot = Int(index % UInt64(nStep)) * count
    for environment in range { rewards[slot + environment] = values[environment - range.lowerBound] }
  }

  /// The row at `index`, which `observe` has seen as one within an episode, turns out to be its last one, truncated: completes what
  /// ends there.
  mutating func truncate(_ environment: Int, index: UInt64, stateValue: Float) {
    // The row itself counts in the age by now; the item of n steps, if there is one, is there already.
    let before = age[environment] - 1
    complete(environment, index: index, from: 1, through: min(nStep - 1, before), stateValue)
    age[environment] = 0
  }

  /// Removes the items that end with the row at `index` or later: it will not be sent.
  mutating func drop(from index: UInt64) {
    columns.drop(from: index)
  }

  /// What came before the row at `index` is lost: nothing starts there. The next row will be `next`.
  mutating func cut(at index: UInt64, next: UInt64) {
    for environment in 0..<count { age[environment] = min(age[environment], Int(next - index)) }
    columns.cut(at: index)
  }

  /// Items of n' = `from`…`through` steps that end with the row at `index`.
  private mutating func complete(
    _ environment: Int, index: UInt64, from: Int, through: Int, _ bootstrap: Float
  ) {
    guard through >= 1 else { return }
    var value = bootstrap
    for steps in 1...through {
      let start = index - UInt64(steps)
      let place = Int(start % UInt64(nStep)) * count + environment
      value = precedingReturn(value, reward: rewards[place], discount: discount)
      guard steps >= from else { continue }
      if let priority {
        columns.append(
          environment, first: start, span: steps + 1, priority: priority(error: value - values[place]))
      } else {
        columns.append(environment, first: start, span: steps + 1)
      }
    }
  }
}
