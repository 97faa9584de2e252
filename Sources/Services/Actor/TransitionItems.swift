// n-step items and their first priorities, from what the actor already knows.

internal import Algorithms
internal import Experience

/// Makes an item of each step once the step n later is there (at an episode's end: the last one), with the magnitude of its n-step
/// TD error by the Q-values that acting gave: no further forward pass (Horgan et al. 2018, §3).
///
/// Priority of step t: ε + |Σ_{k<n'} γᵏ r_{t+k} + γ^{n'}·(1 − terminal)·max_a Q(s_{t+n'}, a) − Q(s_t, a_t)|.
/// *Differs from the source:* the bootstrap is the online network's maximum, not double Q's.
struct TransitionItems {
  private let count: Int
  private let nStep: Int
  private let discount: Float
  /// Rings of the last n ticks, `[tick mod n][environment]`.
  private var qSelected: [Float]
  private var rewards: [Float]
  /// Rows of the current episode (or since a cut) before the current one.
  private var age: [Int]
  var columns = ItemColumns()

  init(count: Int, nStep: Int, discount: Float) {
    self.count = count
    self.nStep = nStep
    self.discount = discount
    qSelected = Array(repeating: 0, count: count * nStep)
    rewards = Array(repeating: 0, count: count * nStep)
    age = Array(repeating: 0, count: count)
  }

  /// The row at stream index `index` has been acted on: completes the items that end with it.
  ///
  /// - Parameter range: the environments whose flags and values these are, one after the other.
  mutating func observe(
    index: UInt64, range: Range<Int>, flags: UnsafePointer<UInt8>, qSelected q: UnsafePointer<Float>,
    qMax: UnsafePointer<Float>
  ) {
    let slot = Int(index % UInt64(nStep)) * count
    for environment in range {
      let row = environment - range.lowerBound
      let flag = StepFlags(rawValue: flags[row])
      if flag.contains(.isFirst) { age[environment] = 0 }
      let bootstrap = flag.contains(.isTerminal) ? 0 : qMax[row]
      if flag.contains(.isLast) {
        complete(environment, index: index, from: 1, through: min(nStep, age[environment]), bootstrap)
        age[environment] = 0
      } else {
        if age[environment] >= nStep {
          complete(environment, index: index, from: nStep, through: nStep, bootstrap)
        }
        age[environment] += 1
      }
      qSelected[slot + environment] = q[row]
    }
  }

  /// The rewards of the actions of the row at `index`.
  mutating func setRewards(index: UInt64, range: Range<Int>, _ values: UnsafePointer<Float>) {
    let slot = Int(index % UInt64(nStep)) * count
    for environment in range { rewards[slot + environment] = values[environment - range.lowerBound] }
  }

  /// The row at `index`, which `observe` has seen as one within an episode, turns out to be its last one, truncated: completes what
  /// ends there.
  mutating func truncate(_ environment: Int, index: UInt64, qMax: Float) {
    // The row itself counts in the age by now; the item of n steps, if there is one, is there already.
    let before = age[environment] - 1
    complete(environment, index: index, from: 1, through: min(nStep - 1, before), qMax)
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
      value = rewards[place] + discount * value
      guard steps >= from else { continue }
      columns.append(
        environment, first: start, span: steps + 1,
        priority: abs(value - qSelected[place]) + TransitionPriority.epsilon)
    }
  }
}
