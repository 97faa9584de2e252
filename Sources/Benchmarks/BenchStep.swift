// `rookery bench step`: how long a training step and an actor's forward pass take on this machine.

internal import Algorithms
internal import Experience
internal import Foundations
internal import Numerics

/// Prints the median time of each case in microseconds, as lines or as one JSON object `{"case":
/// microseconds, …}`. A step is online(s′) + target(s′) + online(s) + weighted Huber loss +
/// backward + clipping + Adam, on one thread.
func benchStep(json: Bool) {
  var results: [(name: String, time_us: Double)] = []
  func mlp(_ width: Int) -> NetworkSpec {
    .mlp(inputs: 4, hidden: [width, width], outputs: 2, dueling: false)
  }
  results.append(("step 4-256-256-2 batch 64", stepTime_us(mlp(256), batch: 64)))
  results.append(("step 4-256-256-2 batch 512", stepTime_us(mlp(256), batch: 512)))
  results.append(("step 4-64-64-2 batch 64", stepTime_us(mlp(64), batch: 64)))
  let nature = NetworkSpec.nature(planes: 4, height: 84, width: 84, outputs: 6, dueling: false)
  results.append(("step nature 84x84x4 batch 32", stepTime_us(nature, batch: 32)))
  for batch in [1, 16, 64, 256] {
    results.append(("forward 4-64-64-2 batch \(batch)", forwardTime_us(mlp(64), batch: batch)))
  }
  func rounded(_ value: Double) -> Double { (value * 1000).rounded() / 1000 }
  if json {
    print("{" + results.map { "\"\($0.name)\": \(rounded($0.time_us))" }.joined(separator: ", ") + "}")
  } else {
    for (name, time) in results { print("\(name): \(rounded(time)) µs") }
  }
}

/// Columns of a batch with seeded content.
private final class BenchBatch {
  let count: Int
  let observations: UnsafeMutableRawPointer
  let nextObservations: UnsafeMutableRawPointer
  let actions: UnsafeMutablePointer<Int32>
  let rewards: UnsafeMutablePointer<Float>
  let discounts: UnsafeMutablePointer<Float>
  let weights: UnsafeMutablePointer<Float>

  init(_ spec: NetworkSpec, count: Int, generator: inout SeededGenerator) {
    func observations() -> UnsafeMutableRawPointer {
      let bytes = UnsafeMutableRawPointer.allocate(byteCount: count * spec.inputByteCount, alignment: 64)
      for index in 0..<count * spec.inputCount {
        switch spec.inputType {
        case .uint8: bytes.storeBytes(of: UInt8(generator.below(256)), toByteOffset: index, as: UInt8.self)
        case .float32:
          bytes.storeBytes(of: generator.uniformFloat() * 2 - 1, toByteOffset: index * 4, as: Float.self)
        }
      }
      return bytes
    }
    self.count = count
    self.observations = observations()
    nextObservations = observations()
    actions = .allocate(capacity: count)
    rewards = .allocate(capacity: count)
    discounts = .allocate(capacity: count)
    weights = .allocate(capacity: count)
    for row in 0..<count {
      (actions + row).initialize(to: Int32(generator.below(spec.outputs)))
      (rewards + row).initialize(to: generator.uniformFloat())
      (discounts + row).initialize(to: generator.below(20) == 0 ? 0 : 0.97)
      (weights + row).initialize(to: 0.5 + 0.5 * generator.uniformFloat())
    }
  }

  deinit {
    observations.deallocate()
    nextObservations.deallocate()
    actions.deallocate()
    rewards.deallocate()
    discounts.deallocate()
    weights.deallocate()
  }

  func columns(_ spec: NetworkSpec) -> ColumnBatch {
    let observation: DType =
      switch spec.inputType {
      case .float32: .float32
      case .uint8: .uint8
      }
    return ColumnBatch(
      fields: [
        Field(StepSchema.observation, observation, shape: spec.inputShape), Field(StepSchema.action, .int32),
        Field(StepSchema.reward, .float32), Field(TableSchema.discount, .float32),
        Field(TableSchema.nextObservation, observation, shape: spec.inputShape),
      ],
      columns: [
        observations, UnsafeMutableRawPointer(actions), UnsafeMutableRawPointer(rewards),
        UnsafeMutableRawPointer(discounts), nextObservations,
      ], count: count, importanceWeights: weights)
  }
}

private func stepTime_us(_ spec: NetworkSpec, batch count: Int) -> Double {
  var generator = SeededGenerator(seed: 1)
  guard let rule = try? DQNRule(spec: spec, batchMax: count) else { return .nan }
  rule.initialize(using: &generator)
  let content = BenchBatch(spec, count: count, generator: &generator)
  var priorities = [Float](repeating: 0, count: count)
  return priorities.withUnsafeMutableBufferPointer { priorities in
    withExtendedLifetime(content) {
      let batch = content.columns(spec)
      return medianTime_us { _ = try? rule.train(batch, priorities: priorities) }
    }
  }
}

private func forwardTime_us(_ spec: NetworkSpec, batch count: Int) -> Double {
  var generator = SeededGenerator(seed: 1)
  guard let network = try? Network(spec: spec, batchMax: count) else { return .nan }
  network.initialize(using: &generator)
  let columns = BenchBatch(spec, count: count, generator: &generator)
  return withExtendedLifetime(columns) {
    medianTime_us { _ = network.forward(columns.observations, count: count) }
  }
}

/// The median over rounds of a call's mean time, after a warm-up. Takes about a quarter of a
/// second.
private func medianTime_us(_ body: () -> Void) -> Double {
  func time(_ repetitions: Int) -> Double {
    let start = SystemClock.now()
    for _ in 0..<repetitions { body() }
    return (SystemClock.now() - start).seconds * 1e6 / Double(repetitions)
  }
  let once = max(0.01, min(time(3), time(3)))
  // In rounds of 5 ms or more the clock's own cost does not matter; 40 of them give a steady
  // median.
  let repetitions = max(1, Int(5000 / once))
  let rounds = once > 5000 ? 15 : 40
  return (0..<rounds).map { _ in time(repetitions) }.sorted()[rounds / 2]
}
