// A batch of native environments.

internal import Experience
internal import Foundations

/// A batch of one kind of native environment, stepped on the calling thread. `EnvironmentBatch`
/// describes a tick.
///
/// A step costs the dynamics and a few nanoseconds for each environment. `init` allocates all
/// memory.
package final class NativeBatch<Native: NativeEnvironment>: EnvironmentBatch {
  /// The environment's facts.
  package let spec: EnvironmentSpec
  /// Environments in the batch.
  package let count: Int
  private let rowElements: Int
  private let stepsMax: Int
  private var isReset = false

  private let states: UnsafeMutablePointer<Native>
  private let generators: UnsafeMutablePointer<SeededGenerator>
  /// Actions taken in the current episode.
  private let elapsed: UnsafeMutablePointer<Int>
  private let observationRows: UnsafeMutablePointer<Float>
  private let rewardColumn: UnsafeMutablePointer<Float>
  private let flagColumn: UnsafeMutablePointer<UInt8>

  package var observations: UnsafeRawPointer { UnsafeRawPointer(observationRows) }
  package var rewards: UnsafePointer<Float> { UnsafePointer(rewardColumn) }
  package var flags: UnsafePointer<UInt8> { UnsafePointer(flagColumn) }

  package init(count: Int, seed: UInt64) {
    precondition(count > 0, "EnvironmentCatalog.make checks the count")
    spec = Native.spec
    self.count = count
    rowElements = spec.observationElementCount
    stepsMax = spec.maxEpisodeSteps ?? .max
    func column<Element: BitwiseCopyable>(_ length: Int, of value: Element) -> UnsafeMutablePointer<Element> {
      let pointer = UnsafeMutablePointer<Element>.allocate(capacity: length)
      pointer.initialize(repeating: value, count: length)
      return pointer
    }
    states = column(count, of: Native())
    elapsed = column(count, of: 0)
    observationRows = column(count * rowElements, of: 0)
    rewardColumn = column(count, of: 0)
    flagColumn = column(count, of: 0)
    generators = .allocate(capacity: count)
    for index in 0..<count { (generators + index).initialize(to: Self.generator(seed, index)) }
  }

  deinit {
    states.deallocate()
    generators.deallocate()
    elapsed.deallocate()
    observationRows.deallocate()
    rewardColumn.deallocate()
    flagColumn.deallocate()
  }

  private static func generator(_ seed: UInt64, _ index: Int) -> SeededGenerator {
    SeededGenerator(seed: seed, part: "environment", index: index)
  }

  package func reset(seed: UInt64?) {
    for index in 0..<count {
      if let seed { generators[index] = Self.generator(seed, index) }
      beginEpisode(index)
      rewardColumn[index] = 0
    }
    isReset = true
  }

  package func beginStep(actions: UnsafeRawPointer) throws {
    guard isReset else { throw EnvironmentError.notReset(environment: spec.id) }
    try check(actions)
    // Native environments have discrete actions.
    let actions = actions.assumingMemoryBound(to: Int32.self)
    let last = StepFlags.isLast.rawValue
    for index in 0..<count {
      if flagColumn[index] & last == 0 {
        advance(index, actions[index])
      } else {
        beginEpisode(index)
        rewardColumn[index] = 0
      }
    }
  }

  package func finishStep() {}

  private func check(_ actions: UnsafeRawPointer) throws {
    let last = StepFlags.isLast.rawValue
    let outside = spec.actions.firstOutside(actions, count: count) { flagColumn[$0] & last != 0 }
    if let outside { throw EnvironmentError.invalidAction(spec, outside) }
  }

  @inline(__always)
  private func advance(_ index: Int, _ action: Int32) {
    var state = states[index]
    let (reward, isTerminal) = state.step(action)
    states[index] = state
    elapsed[index] += 1
    rewardColumn[index] = reward
    var flags: StepFlags = []
    if isTerminal {
      flags = [.isLast, .isTerminal]
    } else if elapsed[index] >= stepsMax {
      flags = .isLast
    }
    flagColumn[index] = flags.rawValue
    state.observe(into: observationRows + index * rowElements)
  }

  private func beginEpisode(_ index: Int) {
    states[index].reset(using: &generators[index])
    elapsed[index] = 0
    flagColumn[index] = StepFlags.isFirst.rawValue
    states[index].observe(into: observationRows + index * rowElements)
  }
}

extension NativeBatch {
  /// Sets the state of environment `index`, after `steps` actions in its episode. For tests.
  package func setState(_ state: Native, at index: Int, elapsed steps: Int = 0) {
    isReset = true
    states[index] = state
    elapsed[index] = steps
    rewardColumn[index] = 0
    flagColumn[index] = steps == 0 ? StepFlags.isFirst.rawValue : 0
    state.observe(into: observationRows + index * rowElements)
  }

  /// The exact state of environment `index`. For tests.
  package func state(at index: Int) -> Native { states[index] }
}
