// A network's head with its buffers.

/// One or two streams of dense layers, and the sum that makes a dueling head's outputs.
struct BoundHead {
  /// The outputs' layers in a linear head, the value's in a dueling one.
  private let first: [Dense]
  /// The advantage's layers in a dueling head; empty in a linear one.
  private let second: [Dense]
  private let dueling: Dueling?
  let output: UnsafeMutablePointer<Float>
  /// Nil if the network is not for training.
  let outputGradient: UnsafeMutablePointer<Float>?

  /// - Parameters:
  ///   - sum: `[batch, outputs]`, memory for the outputs of a dueling head.
  ///   - sumGradient: `[batch, outputs]`, memory for their gradient.
  init(
    _ streams: [[Dense]], outputs: Int, sum: UnsafeMutablePointer<Float>,
    sumGradient: UnsafeMutablePointer<Float>
  ) {
    precondition(streams.count == 1 || streams.count == 2, "\(streams.count) streams")
    first = streams[0]
    let last = first[first.count - 1]
    if streams.count == 2 {
      second = streams[1]
      dueling = Dueling(actions: outputs)
      output = sum
      outputGradient = last.training == nil ? nil : sumGradient
    } else {
      second = []
      dueling = nil
      output = last.output
      outputGradient = last.training?.outputGradient
    }
  }

  func pack() {
    for layer in first { layer.pack() }
    for layer in second { layer.pack() }
  }

  func forward(_ features: UnsafePointer<Float>, count: Int) {
    let value = forward(first, features, count)
    guard let dueling else { return }
    dueling.forward(value: value, advantage: forward(second, features, count), output: output, count: count)
  }

  private func forward(
    _ stream: [Dense], _ features: UnsafePointer<Float>, _ count: Int
  ) -> UnsafePointer<Float> {
    var values = features
    for layer in stream {
      layer.forward(values, count: count)
      values = UnsafePointer(layer.output)
    }
    return values
  }

  /// Writes the layers' gradients, and the features' gradient unless it is nil. With `accumulate`,
  /// it adds to the features' gradient.
  func backward(
    _ features: UnsafePointer<Float>, featureGradient: UnsafeMutablePointer<Float>?, accumulate: Bool,
    count: Int
  ) {
    if let dueling, let outputGradient, let value = first.last?.training,
      let advantage = second.last?.training
    {
      dueling.backward(
        outputGradient: outputGradient, valueGradient: value.outputGradient,
        advantageGradient: advantage.outputGradient, count: count)
    }
    backward(first, features, featureGradient, accumulate: accumulate, count)
    backward(second, features, featureGradient, accumulate: true, count)
  }

  private func backward(
    _ stream: [Dense], _ features: UnsafePointer<Float>, _ featureGradient: UnsafeMutablePointer<Float>?,
    accumulate: Bool, _ count: Int
  ) {
    for index in stream.indices.reversed() {
      let below = index > 0 ? stream[index - 1] : nil
      stream[index].backward(
        below.map { UnsafePointer($0.output) } ?? features,
        inputGradient: index > 0 ? below?.training?.outputGradient : featureGradient,
        accumulate: accumulate && index == 0, count: count)
    }
  }
}
